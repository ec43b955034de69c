/** A Chromium for the page's driver, and what is watched while it is used. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

/** Milliseconds of the page's own thread that a task may take; one of a part may take twice as long, as machines falter. */
const longestTask = 100;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Path of Chromium: $CHROME, else `chromium`; undefined where there is none. */
export function findChromium() {
  const { status, stdout } = spawnSync("sh", ["-c", `command -v "\${CHROME:-chromium}"`], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** @param {string} executablePath */
export function launch(executablePath) {
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/**
 * Opens the page, and collects what must not happen: requests to others, errors in the console, exceptions.
 *
 * @returns {Promise<{ page: import("playwright-core").Page, problems: string[] }>}
 */
export async function openPage(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  page.on("request", (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(address)) {
      problems.push(`asks another site: ${request.url()}`);
    }
  });
  page.on("console", (message) => {
    // What the driver itself does: it reads canvases.
    const isOwn = message.text().includes("willReadFrequently");
    if (!isOwn && (message.type() === "error" || message.type() === "warning")) {
      problems.push(`writes to the console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => problems.push(`throws: ${error.message}`));
  await page.goto(address);
  return { page, problems };
}

/** What axe finds wrong with the page as it is shown, a line each. */
export async function findBarriers(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `axe: ${id}: ${nodes[0].html}`);
}

/**
 * Watches how long the tasks of the page's thread take, in its own time: that of a machine that does other things beside
 * says nothing of the page.
 *
 * @returns {Promise<() => Promise<string[]>>} What stops it and lists the tasks that took too long.
 */
export async function watchTasks(browser, page) {
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "__metadata"] });
  return async () => {
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
    const threads = new Map();
    for (const { args, name, pid, tid } of traceEvents) {
      if (name === "thread_name") {
        threads.set(`${pid} ${tid}`, args.name);
      }
    }
    const tasks = traceEvents.filter(
      ({ name, pid, tid }) => name === "RunTask" && threads.get(`${pid} ${tid}`) === "CrRendererMain",
    );
    if (tasks.length === 0) {
      return ["no task was seen: the browser's traces have changed"];
    }
    const long = tasks
      .map(({ dur, tdur }) => (tdur ?? dur) / 1000)
      .filter((milliseconds) => milliseconds > longestTask);
    const isExcused = long.length === 1 && long[0] <= 2 * longestTask;
    return isExcused
      ? []
      : long.map((milliseconds) => `a task of ${Math.round(milliseconds)} ms; at most ${longestTask}`);
  };
}
