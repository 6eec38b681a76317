// Text in sight whose contrast with what lies under it is less than 4.5 to 1.
const parse = (colour) => {
  const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
};
const over = (top, under) => {
  const mix = (name) => top[name] * top.a + under[name] * (1 - top.a);
  return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
};
const ground = (element) => {
  if (!element) return parse(getComputedStyle(document.body).backgroundColor);
  const own = parse(getComputedStyle(element).backgroundColor);
  return own.a === 1 ? own : over(own, ground(element.parentElement));
};
const light = ({ r, g, b }) => {
  const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const faint = [];
const check = (what, style, under) => {
  const found = ratio(over(parse(style.color), under), under);
  if (found < 4.5) faint.push(`${what}: ${found.toFixed(2)}`);
};
let seen = 0;
for (const element of document.body.querySelectorAll("*")) {
  if (!element.checkVisibility() || element.matches("option, script")) continue;
  const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (says) { check(element.textContent.slice(0, 40), getComputedStyle(element), ground(element)); seen += 1; }
  const after = getComputedStyle(element, "::after");
  if (!["none", "normal"].includes(after.content)) {
    const own = parse(after.backgroundColor);
    check(`after ${element.textContent.slice(0, 40)}`, after, own.a === 1 ? own : over(own, ground(element)));
  }
  if (element.placeholder) check("placeholder", getComputedStyle(element, "::placeholder"), ground(element));
}
return seen > 10 ? faint : ["nothing was looked at"];
