import type { NextWord } from "mmgen";
import { element } from "./element.js";

/** Words with their probabilities as bars. */
export function barList(words: readonly NextWord[], chosen?: string): HTMLElement {
  const rows = words.map(({ probability, word }) => {
    const percent = `${(probability * 100).toFixed(probability < 0.1 ? 1 : 0)} %`;
    return element(
      "li",
      { class: word === chosen ? "bar chosen" : "bar", style: `--share: ${probability.toFixed(4)}` },
      element("span", {}, word === "" ? "(the end)" : word),
      element("span", {}, percent),
    );
  });
  return element("ol", { class: "bars" }, ...rows);
}
