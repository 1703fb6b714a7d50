"""A page that plays a playlist with hls.js and writes down what it sees and hears."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.web import chromium, hls_js, served

_PAGE = """<!doctype html><meta charset="utf-8"><title>player</title>
<script src="hls.min.js"></script>
<video id="film" width="180" height="320"></video>
<script>
const film = document.getElementById("film");
const log = {frames: [], events: [], errors: [], cues: []};
for (const name of ["waiting", "stalled", "seeking", "seeked", "ended", "error"])
  film.addEventListener(name, () => log.events.push([name, film.currentTime]));
film.requestVideoFrameCallback(function seen(_, about) {
  log.frames.push([about.mediaTime, about.presentedFrames]);
  film.requestVideoFrameCallback(seen);
});
const hls = new Hls({enableWorker: true, maxBufferLength: 600, maxMaxBufferLength: 600});
hls.on(Hls.Events.ERROR, (_, data) => log.errors.push([data.type, data.details, data.fatal]));
const ranges = (list) => Array.from({length: list.length}, (_, n) => [list.start(n), list.end(n)]);
const ready = (address) => new Promise((done, failed) => {
  hls.on(Hls.Events.ERROR, (_, data) => data.fatal && failed(new Error(data.details)));
  hls.on(Hls.Events.MANIFEST_PARSED, () => done());
  hls.loadSource(address);
  hls.attachMedia(film);
});
const until = (holds, seconds) => new Promise((done) => {
  const start = performance.now();
  const look = () => holds() || performance.now() - start > seconds * 1000
    ? done(holds()) : setTimeout(look, 50);
  look();
});
async function play(rate, seconds) {
  film.playbackRate = rate;
  await film.play();
  await until(() => film.ended, seconds);
}
async function load(seconds) {
  const whole = () => film.buffered.length &&
    film.buffered.end(film.buffered.length - 1) > film.duration - 0.1;
  return await until(whole, seconds);
}
async function seek(time) {
  log.frames.length = 0;
  film.currentTime = time;
  await until(() => !film.seeking && film.readyState >= 3 && log.frames.length, 10);
  return {time: film.currentTime, shown: log.frames.at(-1)?.[0] ?? null, ready: film.readyState};
}
function told() {
  const quality = film.getVideoPlaybackQuality();
  return {
    ...log, duration: film.duration, time: film.currentTime, ended: film.ended,
    total: quality.totalVideoFrames, dropped: quality.droppedVideoFrames,
    buffered: ranges(film.buffered),
    tracks: [...film.textTracks].map((one) => [one.kind, one.label, one.mode]),
  };
}
let heard = null;
async function listen() {
  const context = new AudioContext({sampleRate: 48000});
  const source = context.createMediaElementSource(film);
  const code = `registerProcessor("ear", class extends AudioWorkletProcessor {
    process(inputs) { this.port.postMessage(inputs[0][0] ?? new Float32Array(128)); return true; }
  })`;
  const script = new Blob([code], {type: "text/javascript"});
  await context.audioWorklet.addModule(URL.createObjectURL(script));
  const ear = new AudioWorkletNode(context, "ear");
  heard = [];
  ear.port.onmessage = (event) => heard.push(event.data);
  source.connect(ear);
  await context.resume();
}
function sound() {
  const all = new Int16Array(heard.length * 128);
  heard.forEach((block, n) => block.forEach((value, k) => all[n * 128 + k] = value * 32767));
  let text = "";
  const bytes = new Uint8Array(all.buffer);
  for (let at = 0; at < bytes.length; at += 32768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
</script>
"""


@dataclass(frozen=True)
class Player:
    """A page with a playlist in it; what it `told` is as the page's own `told()` says."""

    page: Any
    asked: list[str]

    def play(self, rate: float, seconds: float) -> dict[str, Any]:
        """Play to the end, or for `seconds` at most."""
        self.page.evaluate("([rate, seconds]) => play(rate, seconds)", [rate, seconds])
        return self.told()

    def load(self, seconds: float) -> dict[str, Any]:
        """Fetch the whole film before any of it is played; waits for `seconds` at most."""
        assert self.page.evaluate("(seconds) => load(seconds)", seconds), self.told()
        return self.told()

    def seek(self, time: float) -> dict[str, Any]:
        """Go to a second of the film and wait for a picture."""
        found: dict[str, Any] = self.page.evaluate("(time) => seek(time)", time)
        return found

    def told(self) -> dict[str, Any]:
        """All that was seen so far."""
        found: dict[str, Any] = self.page.evaluate("told()")
        return found


@contextmanager
def player(folder: Path, playlist: str = "film/hls/index.m3u8") -> Iterator[Player]:
    """A browser on a page in `folder`, with the playlist ready to play."""
    script = hls_js(folder.parent / "hlsjs")
    shutil.copyfile(script, folder / "hls.min.js")
    (folder / "player.html").write_text(_PAGE, encoding="utf-8")
    with served(folder) as (address, asked), chromium() as browser:
        page = browser.new_page()
        try:
            page.goto(f"{address}/player.html")
            page.evaluate("(address) => ready(address)", f"{address}/{playlist}")
            yield Player(page, asked)
        finally:
            page.close()
