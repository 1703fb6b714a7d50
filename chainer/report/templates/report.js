"use strict";
(() => {
  const film = document.getElementById("film-player");
  if (!film) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const chapters = [...document.querySelectorAll("[data-start]")];
  const data = document.getElementById("captions-data");
  const cues = data ? JSON.parse(data.textContent) : [];
  if (cues.length) {
    const track = film.addTextTrack("captions", "Captions", data.dataset.language);
    track.mode = "showing";
    for (const [start, end, text] of cues) track.addCue(new VTTCue(start, end, text));
  }
  const goTo = (seconds) => {
    film.currentTime = seconds;
    const tried = film.play();
    if (tried) tried.catch(() => {});
  };
  for (const button of chapters) {
    button.addEventListener("click", () => goTo(Number(button.dataset.start)));
  }
  for (const button of document.querySelectorAll("[data-watch]")) {
    button.addEventListener("click", () => {
      film.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "center" });
      goTo(Number(button.dataset.watch));
      film.focus({ preventScroll: true });
    });
  }
  const mark = () => {
    const now = film.currentTime + 0.001;
    let current = null;
    for (const button of chapters) {
      if (Number(button.dataset.start) <= now) current = button;
    }
    for (const button of chapters) {
      if (button === current) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  };
  film.addEventListener("timeupdate", mark);
  film.addEventListener("seeking", mark);
  mark();
})();
