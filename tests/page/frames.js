// How long the frames are while the table scrolls from its top to its end.
const done = arguments[0];
let long = 0;
new PerformanceObserver((list) => { long += list.getEntries().length; }).observe({ type: "longtask" });
const scroll = document.querySelector(".scroll");
const gaps = [];
let last = null;
const step = (now) => {
  if (last !== null) gaps.push(now - last);
  last = now;
  scroll.scrollTop += 150;
  if (gaps.length < 90) requestAnimationFrame(step);
  else {
    gaps.sort((a, b) => a - b);
    setTimeout(() => done({ middle: gaps[45], most: gaps[85], longest: gaps[89], long, at: scroll.scrollTop }), 100);
  }
};
requestAnimationFrame(step);
