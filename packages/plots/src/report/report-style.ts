/** The style sheet of the report, in the colors of the figures' themes. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f7f9; --ink: #1b1f24; --muted: #5d6770; --line: #dfe3e8; --accent: #2b66b1;
}
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #16191d; --raised: #1e2227; --ink: #e7eaee; --muted: #98a2ad; --line: #343a42; --accent: #79aef0; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 4rem 1.5rem 3rem; max-width: 71rem; background: var(--ground); color: var(--ink);
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
h1, h2 { line-height: 1.2; letter-spacing: -0.015em; text-wrap: balance; }
h1 { margin: 0; font-size: clamp(1.9rem, 1.4rem + 2.2vw, 2.75rem); }
h2 { margin: 0 0 0.75rem; font-size: 1.5rem; }
p { margin: 0 0 1rem; max-width: 42rem; text-wrap: pretty; overflow-wrap: break-word; }
.lead { margin-top: 1rem; font-size: 1.25rem; line-height: 1.5; color: var(--muted); }
section { margin-top: 3.5rem; padding-top: 2rem; border-top: 1px solid var(--line); }
a { color: var(--accent); text-underline-offset: 0.2em; }
a:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 2px; }
nav { margin-top: 1.75rem; }
nav ol { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.facts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1px; margin: 1.75rem 0;
  border: 1px solid var(--line); border-radius: 0.5rem; overflow: hidden;
}
.facts div { padding: 0.9rem 1.1rem 1rem; box-shadow: 0 0 0 1px var(--line); }
.facts dt { font-size: 0.875rem; color: var(--muted); }
.facts dd { margin: 0.1rem 0 0; font-size: 1.5rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts dd.note { margin-top: 0.3rem; font-size: 0.8125rem; font-weight: 400; line-height: 1.4; color: var(--muted); }
.table { margin: 1.5rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9375rem; line-height: 1.45; }
caption { padding-bottom: 0.6rem; text-align: left; color: var(--muted); }
th, td { padding: 0.5rem 2rem 0.5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
th { font-weight: 400; }
thead th { font-size: 0.875rem; color: var(--muted); vertical-align: bottom; border-bottom-color: var(--muted); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.images { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1.5rem; margin: 1.5rem 0 0; }
figure { margin: 0; min-width: 0; max-width: 100%; }
picture { display: block; overflow-x: auto; }
img { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 0.5rem; }
figcaption { margin-top: 0.6rem; max-width: 42rem; font-size: 0.875rem; line-height: 1.5; color: var(--muted); }
pre {
  margin: 1.5rem 0; padding: 1rem 1.1rem; overflow-x: auto; border-radius: 0.5rem; background: var(--raised);
  font: 0.875rem/1.55 ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
footer { margin-top: 4rem; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: 0.875rem; color: var(--muted); }
@media screen and (prefers-color-scheme: dark) { .paper { filter: brightness(0.92); } }
@media screen and (max-width: 40rem) {
  body { padding-top: 2.5rem; }
  section { margin-top: 2.5rem; }
  /* A wide image stays legible and scrolls in its frame. */
  .wide { max-width: none; width: 40rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  @page { margin: 18mm 16mm; }
  html { font-size: 9.5pt; }
  body { padding: 0; max-width: none; }
  .facts { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
  .images:has(figure + figure) figure:not(:has(.wide)) { max-width: calc(50% - 0.75rem); }
  nav { display: none; }
  section { margin-top: 1.5rem; padding-top: 1.25rem; }
  h2, caption, thead { break-after: avoid; }
  figure, tr, .facts { break-inside: avoid; }
  img { max-height: 235mm; width: auto; }
  .table, pre, picture { overflow: visible; }
  pre { white-space: pre-wrap; }
}
`;
