import { element, newId } from "../shell/element.js";
import { avatarsData } from "../training/avatars-data.js";
import { ownData } from "../training/own-images.js";
import {
  type DatasetName,
  type ModelSize,
  modelSizes,
  type TrainingData,
  type TrainingPlan,
} from "../training/training-plan.js";
import { ownImagesPicker } from "./own-images-picker.js";

/** What a visitor chooses for a training. */
export interface TrainingForm {
  readonly root: HTMLFormElement;
  /** What is chosen. */
  plan(): TrainingPlan;
  /**
   * Makes the chosen data; undefined where the worker does.
   *
   * @param say - Told how far it is.
   * @throws an error with a sentence about own images.
   */
  data(say: (text: string) => void, signal: AbortSignal): Promise<TrainingData | undefined>;
}

const datasets: Readonly<
  Record<DatasetName, { readonly name: string; readonly title: string; readonly hint: string }>
> = {
  digits: { name: "My digits", title: "Digits", hint: "3000 handwritten-looking ones in two colors, drawn here" },
  avatars: { name: "My avatars", title: "Avatars", hint: "1500 cartoon portraits, drawn here" },
  own: { name: "My images", title: "Your own images", hint: "some hundred of one kind, at least" },
};
const maxSteps = 20_000;

/** @param onStart - The button was pressed, or Enter. */
export function trainingForm(onStart: () => void): TrainingForm {
  const own = ownImagesPicker();
  const radios = Object.entries(datasets).map(([value, { hint, title }], i) => {
    const hintId = newId("hint");
    const radio = element("input", {
      ...{ type: "radio", name: "dataset", value, checked: i === 0, "aria-describedby": hintId },
      change: () => {
        own.root.hidden = value !== "own";
      },
    });
    return element(
      "div",
      { class: "dataset" },
      element("label", { class: "choice" }, radio, title),
      element("p", { id: hintId, class: "hint" }, hint),
    );
  });
  const sizeId = newId("size");
  const size = element(
    "select",
    { id: sizeId, change: () => suggestSteps() },
    ...Object.entries(modelSizes).map(([value, { title }]) => new Option(title, value)),
  );
  const codecSteps = numberField("Steps of the image codec", { min: 1, max: maxSteps });
  const transformerSteps = numberField("Steps of the transformer", { min: 1, max: maxSteps });
  const seed = numberField("Seed", { min: 0, max: 2 ** 32 - 1 });
  const suggestSteps = () => {
    const suggested = modelSizes[size.value as ModelSize];
    codecSteps.input.value = String(suggested.codecSteps);
    transformerSteps.input.value = String(suggested.transformerSteps);
  };
  suggestSteps();
  seed.input.value = "1";
  const root = element(
    "form",
    {
      class: "controls",
      submit: (event) => {
        event.preventDefault();
        onStart();
      },
    },
    element("fieldset", { class: "datasets" }, element("legend", {}, "Learn from"), ...radios),
    own.root,
    element("div", { class: "field" }, element("label", { for: sizeId }, "Model"), size),
    element(
      "details",
      {},
      element("summary", {}, "How long"),
      element("div", { class: "sampling" }, codecSteps.root, transformerSteps.root, seed.root),
    ),
    element("button", { type: "submit", class: "primary" }, "Start training"),
  );
  const chosen = () => new FormData(root).get("dataset") as DatasetName;
  return {
    root,
    plan: () => ({
      name: datasets[chosen()].name,
      dataset: chosen(),
      size: size.value as ModelSize,
      codecSteps: codecSteps.read(),
      transformerSteps: transformerSteps.read(),
      seed: seed.read(),
    }),
    async data(say, signal) {
      switch (chosen()) {
        case "digits":
          return undefined;
        case "avatars":
          return avatarsData(seed.read(), {
            signal,
            onProgress: (drawn, of) => say(`Drawing avatar ${drawn} of ${of}`),
          });
        case "own": {
          const { files, side, source } = own;
          return ownData(files, {
            side,
            source,
            signal,
            onProgress: (read, of) => say(`Reading image ${read} of ${of}`),
          });
        }
      }
    },
  };
}

function numberField(label: string, { max, min }: { readonly min: number; readonly max: number }) {
  const id = newId("number");
  const input = element("input", { id, type: "number", step: 1, required: true, min, max });
  return {
    root: element("div", { class: "field" }, element("label", { for: id }, label), input),
    input,
    read: () => Math.min(max, Math.max(min, Math.floor(input.valueAsNumber) || min)),
  };
}
