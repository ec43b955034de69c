import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { root } from "./fixtures/bundle.fixture.js";
import { listPages, listSnippets } from "./fixtures/snippets.fixture.js";

// A reader's editor shows what the compiler says; running a snippet shows nothing of it.
it("the snippets of READMEs and guides are right to the compiler, as .mts files", () => {
  const snippets = listPages().flatMap(listSnippets);
  const files = new Map(
    snippets.map(({ title, code }) => [join(root, `${title.replace(/[^\w-]/g, "_")}.mts`), { title, code }] as const),
  );
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  // `export {}` makes a module of a snippet without imports.
  host.readFile = (path) => (files.has(path) ? `${files.get(path)!.code}\nexport {};\n` : readFile(path));
  host.getSourceFile = (path, language) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, language);
  };
  const program = ts.createProgram({ rootNames: [...files.keys(), ...listDeclarations()], options, host });
  const problems = [...files].flatMap(([path, { title }]) => {
    const source = program.getSourceFile(path)!;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText, start = 0 }) => {
      const line = source.getLineAndCharacterOfPosition(start).line + 1;
      return `${title}, line ${line} of it: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  });
  expect(snippets.length).toBeGreaterThan(50);
  expect(problems).toEqual([]);
}, 300_000);

/** Declarations of modules that have none of their own. */
function listDeclarations(): string[] {
  const packages = join(root, "packages");
  return readdirSync(packages)
    .flatMap((name) =>
      readdirSync(join(packages, name, "src"), { recursive: true, encoding: "utf8" }).map((path) =>
        join(packages, name, "src", path),
      ),
    )
    .filter((path) => path.endsWith(".d.ts"));
}
