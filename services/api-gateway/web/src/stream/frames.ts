/** When to draw what came: with the next frame, or now and then while nobody looks. */

export type Scheduler = (draw: () => void) => void;

const HIDDEN_MS = 1_000;

/** Browsers hold frames back from hidden pages; a timer keeps those from hoarding. */
export const withFrames: Scheduler = (draw) => {
  if (document.hidden) {
    setTimeout(draw, HIDDEN_MS);
    return;
  }
  let drawn = false;
  const once = () => {
    if (drawn) return;
    drawn = true;
    draw();
  };
  requestAnimationFrame(once);
  // hidden meanwhile: the frame may never come
  setTimeout(once, HIDDEN_MS);
};
