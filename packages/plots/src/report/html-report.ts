import { ShapeError } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  listOf,
  type OptionsOf,
  optional,
  resolveOptions,
  text,
  value,
} from "@mmgen/core/options";
import { escapeMarkup } from "../svg/svg.js";
import { reportImage, reportImageSchema } from "./report-image.js";
import { reportStyle } from "./report-style.js";

const reportFactSchema = fields({
  /** "test loss". */
  label: text(),
  /** "2.41". */
  value: text(),
  /** "nats per id, 10 000 pairs". */
  note: optional(text()),
});

const reportTableSchema = fields({
  columns: listOf(text()),
  /** As many cells a row as there are columns. */
  rows: listOf(listOf(value<string | number>("text or a number", isCell))),
  caption: optional(text()),
});

const reportSectionSchema = fields({
  heading: text(),
  /** A paragraph, or several. */
  text: optional(value<string | readonly string[]>("text, or a list of paragraphs", isParagraphs)),
  facts: optional(listOf(reportFactSchema)),
  table: optional(reportTableSchema),
  /** One below the other, or side by side where there is room. */
  images: optional(listOf(reportImageSchema), []),
  /** Shown as it is, in a fixed-width face: a command, a configuration. */
  code: optional(text()),
});

const reportSchema = fields({
  /** Not empty. */
  title: value<string>("text that is not empty", (title) => typeof title === "string" && title.trim() !== ""),
  /** A summary in one or two sentences. Default: none. */
  lead: optional(text()),
  /** The main metrics, above the first section. Default: none. */
  facts: optional(listOf(reportFactSchema)),
  sections: listOf(reportSectionSchema),
  /** The last line, set quietly: versions, date, machine. Default: none. */
  footer: optional(text()),
  /** Language of the text, as in HTML; "en" by default. */
  language: optional(text(), "en"),
});

/** A metric set in large type. */
export type ReportFact = OptionsOf<typeof reportFactSchema>;
/** A table; numbers are set at the right, text at the left. */
export type ReportTable = OptionsOf<typeof reportTableSchema>;
/** A section of a report, shown in this order: text, facts, table, images, code. */
export type ReportSection = OptionsOf<typeof reportSectionSchema>;
/** Options of {@link htmlReport}. */
export type ReportOptions = OptionsOf<typeof reportSchema>;

/**
 * Writes a report as one self-contained HTML page: no script, no request, for light and dark screens and for paper.
 *
 * All text is plain: markup in it is shown as text, and a content security policy forbids scripts and requests.
 *
 * @returns The page; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when a row of a table has more or fewer cells than columns; a `DataError` when an image is
 *   neither PNG, GIF nor SVG; a `ConfigError` for an empty title or an unknown option.
 */
export function htmlReport(options: ReportOptions): string {
  const { title, lead, facts, sections, footer, language } = resolveOptions(reportSchema, options);
  const contents = sections.map(({ heading }, i) => `<li><a href="#part-${i + 1}">${escapeMarkup(heading)}</a></li>`);
  return `<!doctype html>
<html lang="${escapeMarkup(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeMarkup(title)}</title>
<style>${reportStyle}</style>
</head>
<body>
<header>
<h1>${escapeMarkup(title)}</h1>
${lead ? `<p class="lead">${escapeMarkup(lead)}</p>` : ""}
${factList(facts)}
${sections.length > 2 ? `<nav aria-label="Contents"><ol>${contents.join("")}</ol></nav>` : ""}
</header>
<main>
${sections.map(sectionMarkup).join("\n")}
</main>
${footer ? `<footer><p>${escapeMarkup(footer)}</p></footer>` : ""}
</body>
</html>
`;
}

function sectionMarkup(section: ConfigOf<typeof reportSectionSchema>, index: number): string {
  const { heading, facts, table, images, code } = section;
  const paragraphs = [section.text ?? []].flat();
  return [
    `<section id="part-${index + 1}">`,
    `<h2>${escapeMarkup(heading)}</h2>`,
    ...paragraphs.map((paragraph) => `<p>${escapeMarkup(paragraph)}</p>`),
    factList(facts),
    table ? tableMarkup(table, heading) : "",
    images.length > 0 ? `<div class="images">${images.map(reportImage).join("\n")}</div>` : "",
    code === undefined ? "" : `<pre tabindex="0"><code>${escapeMarkup(code)}</code></pre>`,
    "</section>",
  ]
    .filter(Boolean)
    .join("\n");
}

function factList(facts: readonly ReportFact[] = []): string {
  const entries = facts.map(({ label, value, note }) => {
    const below = note ? `<dd class="note">${escapeMarkup(note)}</dd>` : "";
    return `<div><dt>${escapeMarkup(label)}</dt><dd>${escapeMarkup(value)}</dd>${below}</div>`;
  });
  return entries.length > 0 ? `<dl class="facts">${entries.join("")}</dl>` : "";
}

function tableMarkup({ columns, rows, caption }: ReportTable, heading: string): string {
  for (const [i, row] of rows.entries()) {
    if (row.length !== columns.length) {
      throw new ShapeError(
        `table of "${heading}": expected ${columns.length} cells a row, got ${row.length} in row ${i + 1}.`,
      );
    }
  }
  const alignment = columns.map((_, column) => {
    const isNumeric = rows.length > 0 && rows.every((row) => looksNumeric(row[column]!));
    return isNumeric ? ' class="number"' : "";
  });
  const head = columns.map((name, i) => `<th scope="col"${alignment[i]}>${escapeMarkup(name)}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const content = escapeMarkup(String(cell));
      return i === 0 ? `<th scope="row"${alignment[i]}>${content}</th>` : `<td${alignment[i]}>${content}</td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  const label = caption ? `<caption>${escapeMarkup(caption)}</caption>` : "";
  return (
    // A wide table scrolls by itself; the tab stop lets a keyboard scroll it.
    `<div class="table" role="region" aria-label="${escapeMarkup(caption ?? heading)}" tabindex="0"><table>${label}` +
    `<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`
  );
}

/** A number, or text that reads as one: "0.93", "−1 200", "93 %", "12 s", "–" for none. */
function looksNumeric(cell: string | number): boolean {
  return typeof cell === "number" || /^(?:[<>≤≥~±≈]?\s*[+−-]?\d[\d\s.,:'’e×±−+-]*\s*\p{L}{0,3}%?|[–—-]?)$/u.test(cell);
}

function isCell(candidate: unknown): boolean {
  return typeof candidate === "string" || typeof candidate === "number";
}

function isParagraphs(candidate: unknown): boolean {
  return [candidate].flat().every((paragraph) => typeof paragraph === "string");
}
