import type { ModelInfo, SamplingParams } from "../protocol/messages.js";
import { element, newId } from "./element.js";

/** Inputs that say how ids are drawn. */
export interface SamplingControls {
  readonly root: HTMLElement;
  /** What the inputs say. */
  read(): SamplingParams;
  /** Takes another seed. */
  reseed(): void;
  /** Sets them as a model samples by itself. */
  reset(model: ModelInfo): void;
}

export function samplingControls(): SamplingControls {
  const temperature = slider("Temperature", "low: the likeliest; high: more variety", { min: 0, max: 1.5, step: 0.05 });
  const topP = slider("Top-p", "only the likeliest ids that together have this share", {
    min: 0.05,
    max: 1,
    step: 0.05,
  });
  const seedId = newId("seed");
  const seed = element("input", { id: seedId, type: "number", min: 0, max: 2 ** 32 - 1, step: 1, value: 7 });
  const chooseSeed = () => {
    seed.value = newSeed();
  };
  const another = element("button", { type: "button", class: "quiet", click: chooseSeed }, "Another");
  const root = element(
    "div",
    { class: "sampling" },
    element(
      "div",
      { class: "field" },
      element("label", { for: seedId }, "Seed"),
      element("div", { class: "row" }, seed, another),
    ),
    temperature.root,
    topP.root,
  );
  return {
    root,
    read: () => ({
      seed: Math.max(0, Math.floor(Number(seed.value) || 0)),
      temperature: Number(temperature.input.value),
      topP: Number(topP.input.value),
    }),
    reseed: chooseSeed,
    reset({ sampling }) {
      temperature.set(sampling.temperature);
      topP.set(sampling.topP);
    },
  };
}

function newSeed(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]! % 100_000);
}

/** A slider that shows its value. */
function slider(
  label: string,
  hint: string,
  range: { readonly min: number; readonly max: number; readonly step: number },
) {
  const id = newId("slider");
  const hintId = newId("hint");
  const value = element("output", { for: id });
  const show = () => {
    value.textContent = Number(input.value).toFixed(2);
  };
  const input = element("input", { id, type: "range", ...range, "aria-describedby": hintId, input: show });
  const root = element(
    "div",
    { class: "field" },
    element("div", { class: "row between" }, element("label", { for: id }, label), value),
    input,
    element("p", { id: hintId, class: "hint" }, hint),
  );
  const set = (number: number) => {
    input.value = String(number);
    show();
  };
  return { root, input, set };
}
