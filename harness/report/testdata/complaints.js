(async () => {
  const wrong = [], width = innerWidth;
  const name = e => `<${e.tagName.toLowerCase()}${e.className && e.className.baseVal === undefined ? "." + e.className : ""}> ${e.textContent.trim().slice(0, 60)}`;
  for (const d of document.querySelectorAll("details")) d.open = true;
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); // what depends on scrolling is there then
  if (document.documentElement.scrollWidth > width) wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  // The box that e scrolls in, if any.
  const box = e => { for (let p = e.parentElement; p; p = p.parentElement) if (p.className === "scroll") return p; };
  for (const e of document.body.querySelectorAll("*")) {
    const r = e.getBoundingClientRect();
    if (r.width && !box(e) && getComputedStyle(e).position !== "absolute" && !e.closest("thead") && (r.right > width + 1 || r.left < -1))
      wrong.push(`${name(e)} reaches from ${r.left} to ${r.right}`);
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth && getComputedStyle(e).overflowX !== "visible" && !e.closest("thead")) {
      const hint = getComputedStyle(e, "::before");
      if (width < 500 || e.className !== "scroll" || !(parseFloat(hint.maxHeight) > 0) || hint.content === "none")
        wrong.push(`${name(e)} hides what does not fit: ${e.scrollWidth} px in ${e.clientWidth}`);
    }
  }
  for (const v of document.querySelectorAll("tbody .sum")) {
    const r = v.getBoundingClientRect(), first = v.parentElement.cells[0].getBoundingClientRect();
    if (v.cellIndex !== 1) wrong.push(`${name(v)} is not the second column`);
    if (!v.textContent.trim()) wrong.push("a verdict without words");
    if (r.width === 0 || r.left < 0 || r.right > width || r.top - first.bottom > 40) wrong.push(`${name(v)} is not to be seen: ${r.left} to ${r.right}`);
  }
  // What the page comes to stands before everything else, but for alarms.
  const first = document.querySelector("main .totals, main .sum, main .square, main p > span[class]");
  const rest = document.querySelector("main > h2, main table");
  if (!first || !first.checkVisibility() || rest && !rest.contains(first) && !(first.compareDocumentPosition(rest) & Node.DOCUMENT_POSITION_FOLLOWING))
    wrong.push("the page does not begin with what it comes to");
  for (const l of document.querySelectorAll("dl"))
    if (new Set([...l.querySelectorAll(":scope > dd")].map(d => Math.round(d.getBoundingClientRect().left))).size > 1)
      wrong.push(`${name(l)}: what is said of a term stands among the terms`);
  // WCAG 2: 4.5 to 1.
  const colour = s => (s.match(/[\d.]+/g) || []).map(Number);
  const light = c => c.slice(0, 3).map(x => x / 255).map(x => x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor); if (c[3] === undefined || c[3] > 0) return c; } };
  for (const e of document.body.querySelectorAll("*")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !e.dataset.head || e.closest("title, desc")) continue;
    const words = [getComputedStyle(e)[e.tagName === "text" ? "fill" : "color"]], before = getComputedStyle(e, "::before");
    if (before.content !== "none") words.push(before.color);
    for (const c of words) {
      const a = light(colour(c)), b = light(behind(e)), contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
      if (contrast < 4.5) wrong.push(`${name(e)} has a contrast of ${contrast.toFixed(1)}`);
    }
  }
  return wrong;
})()
