import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findSiteProblems } from "../scripts/check-site.mjs";

let site: string;
beforeEach(() => {
  site = mkdtempSync(join(tmpdir(), "mmgen-site-"));
  mkdirSync(join(site, "assets"));
  mkdirSync(join(site, "documents"));
  const data = (json: object) => `window.data = "${deflateSync(JSON.stringify(json)).toString("base64")}"`;
  writeFileSync(join(site, "assets", "navigation.js"), data([{ text: "Start" }, { text: "Text only" }]));
  writeFileSync(join(site, "assets", "search.js"), data({ rows: [{ name: "Start" }] }));
});
afterEach(() => rmSync(site, { recursive: true }));

const page = (name: string, links: string[]) =>
  writeFileSync(join(site, name), `<h2 id="here">x</h2>${links.map((link) => `<a href="${link}">x</a>`).join("")}`);

it("finds no fault with links that lead somewhere", () => {
  const elsewhere = ["https://example.com/README.md", "mailto:a@b.c", "#"];
  page("index.html", ["documents/a%20b.html#here", "documents/a%20b.html", "#here", "assets/search.js", ...elsewhere]);
  page("documents/a b.html", ["../index.html#here"]);
  expect(findSiteProblems(site, { documents: ["Start"] })).toEqual([]);
});

it("names links that lead nowhere, or to the source of a page, and pages that are not to be found", () => {
  page("index.html", ["documents/a.html#there", "../outside.html", "media/README.md"]);
  page("documents/a.html", ["https://github.com/mmgen/mmgen/blob/main/docs/text.md"]);
  expect(findSiteProblems(site, { documents: ["Start", "Text only", "Faces"] }).sort()).toEqual([
    "documents/a.html: https://github.com/mmgen/mmgen/blob/main/docs/text.md leads to the source of a page",
    "index.html: ../outside.html leads nowhere",
    "index.html: documents/a.html#there leads to a place that the page does not have",
    "index.html: media/README.md leads to the source of a page",
    "navigation: Faces is missing; typedoc.json lists the documents",
    "search: Faces is missing",
    "search: Text only is missing",
  ]);
});
