import type { Reporter, TestModule } from "vitest/node";

/** Prints, after everything else, which package did what in which environment. */
export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const cells = new Map<string, Map<string, string>>();
    const notes: string[] = [];
    for (const testCase of modules.flatMap(({ children }) => [...children.allTests()])) {
      const { parent, name } = testCase;
      const environment = parent.type === "suite" ? parent.name : undefined;
      if (environment === undefined) {
        continue;
      }
      const result = testCase.result();
      const row = cells.get(name) ?? new Map<string, string>();
      cells.set(name, row.set(environment, result.state));
      if (result.state === "skipped") {
        notes.push(`${name} in ${environment} was skipped: ${result.note ?? "no reason given"}`);
      }
    }
    const versions = Object.entries(modules[0]?.project.getProvidedContext().published?.versions ?? {});
    const columns = [...new Set([...cells.values()].flatMap((row) => [...row.keys()]))];
    const rows = [...cells].map(([name, row]) => [name, ...columns.map((column) => row.get(column) ?? "")]);
    const legend = versions.map(([id, made]) => `${id}: ${made}`);
    console.log(["", ...formatTable([["", ...columns], ...rows]), "", ...legend, ...notes].join("\n"));
  }
}

/** Lines of a table whose columns are as wide as their widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`);
}
