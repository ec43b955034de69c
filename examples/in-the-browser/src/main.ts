import { MmgenError } from "@mmgen/core";
import { palette } from "@mmgen/datasets";
import { captionImages, drawCaptions, inventPairs } from "@mmgen/example-common/samples";
import { followPointer, strokeRadius } from "./follow-pointer.js";
import { Ink, type Levels } from "./ink.js";
import { openModels } from "./open-models.js";
import { paint, showImages } from "./show-images.js";
import { startBackend } from "./start-backend.js";

/** Images drawn at a time. */
const count = 9;
const sampling = { temperature: 0.8, topP: 0.9 };

const element = <Kind extends Element>(id: string) => document.getElementById(id) as unknown as Kind;
const state = element<HTMLElement>("state");
const caption = element<HTMLInputElement>("caption");
const pad = element<HTMLCanvasElement>("pad");
const colors = { figure: element<HTMLSelectElement>("figure"), ground: element<HTMLSelectElement>("ground") };

/** What each form does when it is sent, by its id; none until the models are there. */
const forms = new Map<string, () => Promise<boolean>>();

/** Tells what is going on, and how long it took; where it fails, an error's message. Whether it went well. */
async function tell(what: string, work: () => Promise<void>): Promise<boolean> {
  state.className = "";
  state.textContent = `${what} …`;
  const buttons = document.querySelectorAll("button");
  buttons.forEach((button) => {
    button.disabled = true;
  });
  // The browser paints the line before the models take the thread.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const start = performance.now();
  try {
    await work();
    state.textContent = `${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`;
    return true;
  } catch (error) {
    state.className = "wrong";
    state.textContent = MmgenError.isInstance(error) ? error.message : String(error);
    return false;
  } finally {
    // Without models there is nothing that a button could do.
    buttons.forEach((button) => {
      button.disabled = forms.size === 0;
    });
  }
}

function onSubmit(id: string, what: string, work: () => Promise<void>): void {
  const run = () => tell(what, work);
  forms.set(id, run);
  element<HTMLFormElement>(id).addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
}

const newSeed = () => crypto.getRandomValues(new Uint32Array(1))[0]!;
const levelsOf = (select: HTMLSelectElement): Levels => palette[select.selectedIndex]!.rgb;

await tell("Loading the models", async () => {
  const backend = await startBackend();
  const models = await openModels("models/");
  const { imageSide, maxValue } = models.vqvae.config;

  onSubmit("draw", "Drawing", async () => {
    const asked = new Array<string>(count).fill(caption.value);
    const images = await drawCaptions(models, asked, { seed: newSeed(), ...sampling });
    const read = await captionImages(models, images, { seed: 0, temperature: 0, topP: 1 });
    showImages(element("drawn"), images, read);
  });
  onSubmit("invent", "Inventing", async () => {
    const { images, captions } = await inventPairs(models, count, { seed: newSeed(), ...sampling });
    showImages(element("invented"), images, captions);
  });

  const ink = new Ink(imageSide);
  const repaint = () => paint(pad, ink.colored(levelsOf(colors.figure), levelsOf(colors.ground), maxValue), 0);
  for (const select of Object.values(colors)) {
    select.append(...palette.map(({ name }) => new Option(name)));
    select.addEventListener("change", repaint);
  }
  colors.figure.value = "dark green";
  colors.ground.value = "bright cyan";
  pad.width = pad.height = imageSide;
  followPointer(pad, ink, repaint);
  element<HTMLButtonElement>("clear").addEventListener("click", () => {
    ink.clear();
    repaint();
  });
  // A seven to begin with.
  ink.line([9, 7], [19, 7], strokeRadius);
  ink.line([19, 7], [13, 22], strokeRadius);
  repaint();
  onSubmit("look", "Looking", async () => {
    const image = ink.centered().colored(levelsOf(colors.figure), levelsOf(colors.ground), maxValue);
    const [said] = await captionImages(models, image, { seed: 0, temperature: 0, topP: 1 });
    element<HTMLElement>("said").textContent = said!;
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
