"use strict";
/* Plays a series: on from film to film, with a choice at every fork. Whatever a stranger wrote is
   put in as text, never as mark-up. */
(() => {
  const LEAD = 8; // seconds for which a fork is offered before the story goes on
  const STEP = 5;
  const found = (id) => document.getElementById(id);
  const video = found("video");
  if (!video) return;
  const data = JSON.parse(found("data").textContent);
  const films = new Map(Object.entries(data.films));
  const track = video.addTextTrack(
    "captions", "Captions", data.language === "und" ? "" : data.language);
  let current = null;
  let cameFrom = null; // the fork that led here: {id, at}
  let sources = [];
  let seekTo = 0;
  let captionsOn = true;
  let shownFork = "";
  let notedAt = -1;

  // -- small things -----------------------------------------------------------------------------

  function made(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) { element.textContent = text; element.dir = "auto"; }
    return element;
  }

  /* A name inside a sentence of ours, whichever way its script runs. */
  function apart(text) { return `\u2068${text}\u2069`; }

  function clock(seconds) {
    const whole = Math.floor(seconds + 0.001);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  }

  function what(film) { return film.number === null ? "Road" : `Episode ${film.number}`; }

  function say(text) { found("said").textContent = text; }

  /* Where the hash of the address leads: `#e2` or `#e2@12.5`. */
  function asked() {
    let text = "";
    try { text = decodeURIComponent(location.hash.slice(1)); } catch { return null; }
    const [id, at] = text.split("@");
    if (!films.has(id)) return null;
    const seconds = Number.parseFloat(at);
    const last = films.get(id).seconds - 0.1;
    return { id, at: Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), last) : 0 };
  }

  function place(at) {
    const seconds = Math.round(at * 10) / 10;
    return `#${encodeURIComponent(current)}${seconds > 0 ? `@${seconds}` : ""}`;
  }

  // -- captions -----------------------------------------------------------------------------------

  function time(text) {
    return text.split(":").reduce((sum, part) => sum * 60 + Number.parseFloat(part), 0);
  }

  function loadCaptions(text) {
    track.mode = "hidden";
    for (const cue of [...(track.cues || [])]) track.removeCue(cue);
    for (const block of text.split("\n\n")) {
      const lines = block.trim().split("\n");
      const at = lines.findIndex((line) => line.includes(" --> "));
      if (at < 0) continue;
      const [start, end] = lines[at].split(" --> ").map(time);
      if (end > start) track.addCue(new VTTCue(start, end, lines.slice(at + 1).join("\n")));
    }
    const button = found("captions");
    button.disabled = !text;
    button.setAttribute("aria-pressed", String(captionsOn && !button.disabled));
    track.mode = captionsOn && text ? "showing" : "hidden";
  }

  function toggleCaptions() {
    if (found("captions").disabled) return;
    captionsOn = !captionsOn;
    track.mode = captionsOn ? "showing" : "hidden";
    found("captions").setAttribute("aria-pressed", String(captionsOn));
  }

  // -- going from film to film ----------------------------------------------------------------------

  function load(at) {
    seekTo = at;
    video.removeAttribute("src");
    video.replaceChildren(...sources.map((one) => {
      const source = document.createElement("source");
      source.src = one.src;
      source.type = one.type;
      return source;
    }));
    video.load();
  }

  function go(id, at, { play = true, push = true } = {}) {
    if (!films.has(id)) return;
    const film = films.get(id);
    if (id === current) {
      video.currentTime = at;
    } else {
      current = id;
      sources = film.sources.filter((one) => video.canPlayType(one.type) !== "");
      if (!sources.length) sources = film.sources;
      if (film.poster) video.poster = film.poster; else video.removeAttribute("poster");
      load(at);
      loadCaptions(film.captions);
      describe(film);
    }
    hideFork();
    notedAt = -1;
    if (push && location.hash !== place(at)) history.pushState(null, "", place(at));
    if (play) start();
  }

  function start() {
    const playing = video.play();
    if (playing) playing.catch(() => {}); // the browser wants a press first
  }

  /* Where a film without a way on leads back to: the fork that it came from. */
  function back(film) {
    if (cameFrom && films.has(cameFrom.id)) return { to: cameFrom.id, at: cameFrom.at };
    const home = films.get(film.previous);
    if (!home) return null;
    const fork = home.forks.find((one) => one.ways.some((way) => way.to === current));
    return { to: film.previous, at: fork ? Math.min(fork.at, home.seconds - 0.1) : 0 };
  }

  function onward(film) { return film.next || (film.number === null ? back(film) : null); }

  function goNext() {
    const way = onward(films.get(current));
    if (way) { cameFrom = null; go(way.to, way.at); }
  }

  function goPrevious() {
    const film = films.get(current);
    const way = film.number === null ? back(film) : film.previous && { to: film.previous, at: 0 };
    if (way) { cameFrom = null; go(way.to, way.at); }
  }

  function take(way, at) {
    const from = { id: current, at: Math.min(at, films.get(current).seconds - 0.1) };
    go(way.to, way.at);
    cameFrom = films.get(way.to).number === null ? from : null;
    video.focus({ preventScroll: true });
  }

  // -- what is shown ----------------------------------------------------------------------------------

  function wayWords(way) {
    const film = films.get(way.to);
    let kind = way.kind === "remix" ? "Remix" : "Another way on";
    if (film.number !== null) kind = way.to === current ? "Skip ahead" : `To episode ${film.number}`;
    return film.authors ? `${kind}, by ${apart(film.authors)}` : kind;
  }

  function describe(film) {
    document.title = `${apart(film.title)} – ${apart(data.title)}`;
    found("now-what").textContent = what(film);
    found("now-title").textContent = film.title;
    found("now-authors").textContent = film.authors ? `By ${apart(film.authors)}` : "";
    found("previous").disabled = !film.previous;
    const way = onward(film);
    found("next").disabled = !way;
    found("next").textContent = film.number === null && !film.next ? "Back to the story" : "Next";
    found("chapters-part").hidden = film.chapters.length < 2;
    found("chapters").replaceChildren(...film.chapters.map((chapter) =>
      mark(chapter.at, [made("span", "", chapter.title)], () => go(current, chapter.at))));
    const ways = film.forks.flatMap((fork) => fork.ways.map((one) => ({ fork, way: one })));
    found("roads-part").hidden = !ways.length;
    found("roads").replaceChildren(...ways.map(({ fork, way: one }) => {
      const words = made("span", "way-words");
      words.append(made("span", "way-title", films.get(one.to).title));
      words.append(made("span", "way-what", wayWords(one)));
      return mark(fork.at, [words], () => take(one, fork.at));
    }));
    for (const link of document.querySelectorAll("a[data-film]")) {
      if (link.dataset.film === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    say(`${what(film)}: ${apart(film.title)}`);
    if ("mediaSession" in navigator && "MediaMetadata" in window) {
      navigator.mediaSession.metadata = new MediaMetadata({
        title: film.title, artist: film.authors, album: data.title });
    }
  }

  function mark(at, words, press) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.at = String(at);
    const when = made("time", "", clock(at));
    when.dateTime = `PT${at}S`;
    button.append(when, ...words);
    button.addEventListener("click", press);
    item.append(button);
    return item;
  }

  function markChapter() {
    const chapters = [...found("chapters").querySelectorAll("button")];
    const now = video.currentTime + 0.05;
    const last = chapters.filter((one) => Number(one.dataset.at) <= now).pop();
    for (const one of chapters) {
      if (one === last) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
  }

  // -- forks ----------------------------------------------------------------------------------------

  function hideFork() {
    if (found("fork").hidden && !shownFork) return;
    shownFork = "";
    found("fork").hidden = true;
    found("fork-ways").replaceChildren();
  }

  function showFork(name, words, ways, otherwise) {
    if (shownFork === name) return;
    shownFork = name;
    found("fork-words").textContent = words;
    found("fork-ways").replaceChildren(...ways.map(({ title, text, poster, press }, number) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      if (poster) {
        const picture = document.createElement("img");
        picture.src = poster;
        picture.alt = "";
        button.append(picture);
      }
      const told = made("span", "way-words");
      told.append(made("span", "way-title", title));
      if (text) told.append(made("span", "way-what", text));
      button.append(told);
      if (number < 9) {
        const key = made("span", "key", String(number + 1));
        key.setAttribute("aria-hidden", "true");
        button.append(key);
      }
      button.addEventListener("click", press);
      item.append(button);
      return item;
    }));
    found("otherwise").textContent = otherwise;
    found("fork").hidden = false;
    const titles = ways.map((way, number) => `${number + 1}: ${apart(way.title)}`).join(", ");
    say(`${words} ${titles}. ${otherwise}`);
  }

  function asWay(way, at) {
    const film = films.get(way.to);
    return {
      title: film.title, text: wayWords(way), poster: film.poster, press: () => take(way, at) };
  }

  function lookForFork() {
    if (video.ended) return;
    const film = films.get(current);
    const now = video.currentTime;
    // The first that is still to come, while it is near.
    const number = film.forks.findIndex((one) => now < one.at - 0.05);
    const fork = film.forks[number];
    const begins = fork ? Math.max(fork.at - LEAD, number ? film.forks[number - 1].at : 0) : 0;
    if (!fork || now < begins || (video.paused && now === 0)) { hideFork(); return; }
    const last = fork.at > film.seconds - 0.5;
    let otherwise = "Or let the story go on.";
    if (last) {
      otherwise = film.next ? `Or wait: the story goes on with ${apart(films.get(film.next.to).title)}.`
        : "Or let the story end.";
    }
    showFork(`${current} ${number}`, "The story forks here", fork.ways.map((one) =>
      asWay(one, fork.at)), otherwise);
  }

  function ended() {
    const film = films.get(current);
    if (film.next) {
      cameFrom = null;
      go(film.next.to, film.next.at);
      return;
    }
    const last = film.forks.find((one) => one.at > film.seconds - 0.5);
    const ways = last ? last.ways.map((one) => asWay(one, last.at)) : [];
    const home = film.number === null ? back(film) : null;
    if (home) {
      const told = films.get(home.to);
      ways.push({ title: told.title, text: "Back to where this road led off", poster: told.poster,
        press: () => { cameFrom = null; go(home.to, home.at); } });
    }
    ways.push({ title: film.title, text: "Watch it again", poster: film.poster,
      press: () => go(current, 0) });
    showFork(`${current} end`, film.number === null ? "This road ends here" : "The end", ways, "");
  }

  // -- what the viewer does ---------------------------------------------------------------------------

  video.addEventListener("loadedmetadata", () => {
    if (seekTo > 0) video.currentTime = seekTo;
    seekTo = 0;
  });
  video.addEventListener("timeupdate", () => {
    lookForFork();
    markChapter();
    if (video.readyState < 1 || seekTo > 0 || Math.abs(video.currentTime - notedAt) < 1) return;
    notedAt = video.currentTime;
    history.replaceState(null, "", place(notedAt));
  });
  video.addEventListener("ended", ended);
  video.addEventListener("error", () => {
    if (sources.length < 2) return;
    const at = video.currentTime || seekTo; // a playlist broke off: the file itself
    sources = sources.slice(1);
    load(at);
    start();
  });
  for (const link of document.querySelectorAll("a[data-film]")) {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      cameFrom = null;
      go(link.dataset.film, 0);
      found("player").scrollIntoView();
      video.focus({ preventScroll: true });
    });
  }
  found("next").addEventListener("click", goNext);
  found("previous").addEventListener("click", goPrevious);
  found("captions").addEventListener("click", toggleCaptions);
  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (found("stage").requestFullscreen) found("stage").requestFullscreen();
    else if (video.webkitEnterFullscreen) video.webkitEnterFullscreen();
  }
  found("full").addEventListener("click", full);
  const keys = new Map([
    [" ", () => { if (video.paused) start(); else video.pause(); }],
    ["ArrowLeft", () => { video.currentTime = Math.max(0, video.currentTime - STEP); }],
    ["ArrowRight", () => {
      video.currentTime = Math.min(video.duration || 0, video.currentTime + STEP); }],
    ["n", goNext], ["p", goPrevious], ["c", toggleCaptions], ["f", full],
  ]);
  // Before the video's own keys, so that none is heard twice.
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
    const on = event.target;
    const pressed = on.closest && on.closest("button, a, summary, input, select, textarea");
    if (pressed && (event.key === " " || event.key === "Enter")) return;
    let act = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (/^[1-9]$/.test(event.key)) {
      const button = found("fork-ways").querySelectorAll("button")[Number(event.key) - 1];
      act = button && (() => button.click());
    }
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }, true);
  if ("mediaSession" in navigator) {
    navigator.mediaSession.setActionHandler("nexttrack", goNext);
    navigator.mediaSession.setActionHandler("previoustrack", goPrevious);
  }
  window.addEventListener("popstate", () => {
    const goal = asked();
    if (goal) go(goal.id, goal.at, { play: !video.paused, push: false });
  });

  found("player").hidden = false;
  const first = asked() || { id: data.order[0] || [...films.keys()][0], at: 0 };
  go(first.id, first.at, { play: false, push: false });
})();
