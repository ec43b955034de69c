import prettyMilliseconds from "pretty-ms";

/** `8 min 20 s`, of seconds. */
export function formatDuration(seconds: number): string {
  const whole = 1000 * Math.round(seconds);
  if (whole === 0) {
    return "0 s";
  }
  return prettyMilliseconds(whole, { hideYear: true })
    .replace(/(\d)m\b/g, "$1 min")
    .replace(/(\d)([dhs])\b/g, "$1 $2");
}

/** `97.5 %`, of a share in [0, 1]. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1).replace(/\.0$/, "")} %`;
}

/** `9 min 31 s`, of seconds by stage, or of a resumed run what is known: the time of its last process. */
export function formatRunTime({ resumed, seconds }: { resumed: boolean; seconds: Readonly<Record<string, number>> }) {
  const time = formatDuration(Object.values(seconds).reduce((sum, stage) => sum + stage, 0));
  return resumed ? `several processes, the last of ${time}` : time;
}

/**
 * Rows as text in columns, two spaces apart.
 *
 * @param align - How all columns but the first stand; `right` for numbers.
 */
export function textTable(rows: readonly (readonly (string | number)[])[], align: "left" | "right" = "left"): string {
  const cells = rows.map((row) => row.map(String));
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    [],
  );
  const fit = (cell: string, column: number) =>
    align === "right" && column > 0 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return cells.map((row) => row.map(fit).join("  ").trimEnd()).join("\n");
}
