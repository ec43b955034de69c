import { ConfigError, ShapeError } from "@mmgen/core";
import { escapeMarkup } from "../svg/svg.js";
import { type ReportImage, reportImage } from "./report-image.js";
import { reportStyle } from "./report-style.js";

/** A figure worth reading first. */
export interface ReportFact {
  /** "test loss". */
  readonly label: string;
  /** "2.41". */
  readonly value: string;
  /** "nats per id, 10 000 pairs". */
  readonly note?: string;
}

/** A table; numbers are set at the right, text at the left. */
export interface ReportTable {
  readonly columns: readonly string[];
  /** As many cells a row as there are columns. */
  readonly rows: readonly (readonly (string | number)[])[];
  readonly caption?: string;
}

/** One part of a report. What is there is shown in this order: text, facts, table, images, code. */
export interface ReportSection {
  readonly heading: string;
  /** A paragraph, or several. */
  readonly text?: string | readonly string[];
  readonly facts?: readonly ReportFact[];
  readonly table?: ReportTable;
  /** One below the other, or side by side where there is room. */
  readonly images?: readonly ReportImage[];
  /** Shown as it is, in a fixed-width face: a command, a configuration. */
  readonly code?: string;
}

/** Options of {@link htmlReport}. */
export interface ReportOptions {
  readonly title: string;
  /** What the report says, in one or two sentences. */
  readonly lead?: string;
  /** The main figures, above the first section. */
  readonly facts?: readonly ReportFact[];
  readonly sections: readonly ReportSection[];
  /** A last, quiet line: versions, date, machine. */
  readonly footer?: string;
  /** Language of the text, as in HTML; "en" by default. */
  readonly language?: string;
}

/**
 * One HTML page that holds everything it shows: no script, no request, light and dark, screen and paper.
 *
 * All text is plain: markup in it is shown, not obeyed, and a content security policy forbids scripts and requests
 * besides.
 *
 * @returns The page; the same options give the same text, byte for byte.
 * @throws a {@link ShapeError} when a row of a table has more or fewer cells than columns; `DataError` when an
 *   image is neither PNG, GIF nor SVG.
 */
export function htmlReport(options: ReportOptions): string {
  const { title, lead, facts, sections, footer, language = "en" } = options;
  if (title.trim() === "") {
    throw new ConfigError("title: expected a text, got an empty one.");
  }
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

function sectionMarkup(section: ReportSection, index: number): string {
  const { heading, text = [], facts, table, images = [], code } = section;
  const paragraphs = typeof text === "string" ? [text] : text;
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
    // A wide table scrolls on its own; the tab stop lets a keyboard scroll it.
    `<div class="table" role="region" aria-label="${escapeMarkup(caption ?? heading)}" tabindex="0"><table>${label}` +
    `<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`
  );
}

/** A number, or text that reads as one: "0.93", "−1 200", "93 %", "12 s", "–" for none. */
function looksNumeric(cell: string | number): boolean {
  return typeof cell === "number" || /^(?:[<>≤≥~±≈]?\s*[+−-]?\d[\d\s.,:'’e×±−+-]*\s*\p{L}{0,3}%?|[–—-]?)$/u.test(cell);
}
