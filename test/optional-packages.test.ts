import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { sources } from "./fixtures/bundle.fixture.js";

// A program bundled into one file, and started in a folder where no package is installed.

const folder = mkdtempSync(join(tmpdir(), "mmgen-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = `
import { loadImageFolder } from "@mmgen/datasets/node";
import { writePng } from "@mmgen/plots/node";
const report = (error) => console.log(error.name + ": " + error.message);
writeFileSync("images.png", "no image");
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="9">a</text></svg>';
writePng("chart.png", svg)
  .then(() => console.log("written"), report)
  .then(() => loadImageFolder({ folder: ".", side: 4, captions: "none" }))
  .catch(report);
`;

describe.each(["esm", "cjs"] as const)(
  "a program in one file, %s, without the packages that are optional",
  (format) => {
    const file = join(folder, `program.${format === "esm" ? "mjs" : "cjs"}`);
    const run = () => {
      const { stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, encoding: "utf8" });
      return { lines: stdout.trim().split("\n"), stderr };
    };

    it("is bundled, and says at use which packages to install", async () => {
      const { warnings } = await build({
        stdin: { contents: `import { writeFileSync } from "node:fs";${program}`, resolveDir: import.meta.dirname },
        bundle: true,
        platform: "node",
        format,
        outfile: file,
        logLevel: "silent",
        plugins: [sources],
      });
      expect(warnings.map(({ id }) => id).filter((id) => id !== "empty-import-meta")).toEqual([]);
      expect(readFileSync(file, "utf8")).not.toMatch(/libvips|createRequire\(.*sharp/);
      const { lines, stderr } = run();
      expect(stderr).toBe("");
      expect(lines[0]).toMatch(/^ConfigError: .*"@resvg\/resvg-js".*npm install @resvg\/resvg-js$/);
      expect(lines[1]).toMatch(/^ConfigError: .*"sharp".*npm install sharp$/);
    });

    it("names the package of the font where that alone is missing", () => {
      const renderer = join(folder, "node_modules", "@resvg", "resvg-js");
      mkdirSync(renderer, { recursive: true });
      writeFileSync(join(renderer, "package.json"), '{ "name": "@resvg/resvg-js", "main": "index.js" }');
      writeFileSync(join(renderer, "index.js"), "exports.Resvg = class {};");
      try {
        expect(run().lines[0]).toMatch(/^ConfigError: .*"dejavu-fonts-ttf".*npm install dejavu-fonts-ttf$/);
      } finally {
        rmSync(join(folder, "node_modules"), { recursive: true });
      }
    });
  },
);
