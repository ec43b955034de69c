import { MmgenError } from "@mmgen/core";
import { palette } from "@mmgen/datasets";
import { followPointer, strokeRadius } from "./follow-pointer.js";
import { Ink, type Levels } from "./ink.js";
import { openModel } from "./open-model.js";
import { paint, showImages } from "./show-images.js";
import { startBackend } from "./start-backend.js";

/** Images drawn at a time. */
const count = 9;

const element = <Kind extends Element>(id: string) => document.getElementById(id) as unknown as Kind;
const state = element<HTMLElement>("state");
const caption = element<HTMLInputElement>("caption");
const pad = element<HTMLCanvasElement>("pad");
const colors = { figure: element<HTMLSelectElement>("figure"), ground: element<HTMLSelectElement>("ground") };

/** What each form does when it is submitted, by its id; empty until the model is loaded. */
const forms = new Map<string, () => Promise<boolean>>();

/** Runs a task and shows its name, then its duration or its error; whether it succeeded. */
async function runTask(task: string, work: () => Promise<void>): Promise<boolean> {
  state.className = "";
  state.textContent = `${task} …`;
  const buttons = document.querySelectorAll("button");
  buttons.forEach((button) => {
    button.disabled = true;
  });
  // Lets the browser paint before the model blocks the thread.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const start = performance.now();
  try {
    await work();
    state.textContent = `${task}: ${((performance.now() - start) / 1000).toFixed(1)} s`;
    return true;
  } catch (error) {
    state.className = "wrong";
    state.textContent = MmgenError.isInstance(error) ? error.message : String(error);
    return false;
  } finally {
    // Without a model no button does anything.
    buttons.forEach((button) => {
      button.disabled = forms.size === 0;
    });
  }
}

function onSubmit(id: string, task: string, work: () => Promise<void>): void {
  const run = () => runTask(task, work);
  forms.set(id, run);
  element<HTMLFormElement>(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
}

const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0]!;
const levelsOf = (select: HTMLSelectElement): Levels => palette[select.selectedIndex]!.rgb;

await runTask("Loading the model", async () => {
  const backend = await startBackend();
  const model = await openModel("models/");
  const { height: side, maxValue } = model.vqvae.imageShape;

  onSubmit("draw", "Drawing", async () => {
    const images = await model.draw([caption.value], { count, seed: newSeed() });
    showImages(element("drawn"), images, await model.caption(images));
  });
  onSubmit("invent", "Inventing", async () => {
    const { images, captions } = await model.invent({ count, seed: newSeed() });
    showImages(element("invented"), images, captions);
  });

  const ink = new Ink(side);
  const repaint = () => paint(pad, ink.colored(levelsOf(colors.figure), levelsOf(colors.ground), maxValue), 0);
  for (const select of Object.values(colors)) {
    select.append(...palette.map(({ name }) => new Option(name)));
    select.addEventListener("change", repaint);
  }
  colors.figure.value = "dark green";
  colors.ground.value = "bright cyan";
  pad.width = pad.height = side;
  followPointer(pad, ink, repaint);
  element<HTMLButtonElement>("clear").addEventListener("click", () => {
    ink.clear();
    repaint();
  });
  // A seven to begin with.
  ink.line([9, 7], [19, 7], strokeRadius);
  ink.line([19, 7], [13, 22], strokeRadius);
  repaint();
  onSubmit("describe", "Captioning", async () => {
    const image = ink.centered().colored(levelsOf(colors.figure), levelsOf(colors.ground), maxValue);
    const [written] = await model.caption(image);
    element<HTMLElement>("written").textContent = written!;
  });

  caption.value = new URLSearchParams(location.search).get("caption") ?? "dark green eight on bright cyan";
  element("examples").append(
    ...["normal red three on plain white", "light orange zero on dark blue"].map((text) => new Option(text)),
  );
  document.title = `mmgen in the browser (${backend})`;
});
for (const run of forms.values()) {
  if (!(await run())) {
    break;
  }
}
