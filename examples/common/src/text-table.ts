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
