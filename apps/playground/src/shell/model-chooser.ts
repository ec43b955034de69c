import type { ModelSource } from "../protocol/messages.js";
import { droppedFiles, type PathFile } from "./dropped-files.js";

/** The models that come with the page, in folders beside it. */
async function shippedModels(): Promise<ModelSource[]> {
  const response = await fetch("models/models.json");
  const models: readonly { name: string; origin: string }[] = response.ok ? await response.json() : [];
  return models.map(({ name, origin }) => ({
    ...{ name: `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, folder: `models/${name}/`, origin },
  }));
}

/** A choice of models: those of the page, and those that the visitor opens. */
export interface ModelChooser {
  /** Loads the model that the address names, `?model=Digits`, else the first. */
  start(): Promise<void>;
  /** Adds a model and loads it. */
  add(source: ModelSource): Promise<void>;
}

const openOwn = "open";

/**
 * @param select - Shows the models.
 * @param files - A file input for a model's files, shown by the last option; they can be dropped anywhere, too.
 * @param load - Loads a model; may throw.
 */
export function modelChooser(
  select: HTMLSelectElement,
  files: HTMLInputElement,
  load: (source: ModelSource) => Promise<void>,
): ModelChooser {
  const sources: ModelSource[] = [];
  let chosen = 0;
  const show = () => {
    const options = sources.map(({ name }, i) => new Option(name, String(i)));
    select.replaceChildren(...options, new Option("Open a model …", openOwn));
    select.value = String(chosen);
  };
  const choose = async (index: number) => {
    const before = chosen;
    chosen = index;
    show();
    try {
      await load(sources[index]!);
    } catch (error) {
      chosen = before;
      show();
      throw error;
    }
  };
  const add = async (source: ModelSource) => {
    const known = sources.findIndex(({ name }) => name === source.name);
    const index = known < 0 ? sources.length : known;
    sources[index] = source;
    await choose(index);
  };
  // What went wrong stands in the page's status already.
  const ignore = () => {};
  select.addEventListener("change", () => {
    if (select.value === openOwn) {
      select.value = String(chosen);
      files.click();
    } else {
      void choose(Number(select.value)).catch(ignore);
    }
  });
  const open = async (opened: readonly File[], folder = "") => {
    const read = await Promise.all(
      opened.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())] as const),
    );
    if (read.length > 0) {
      await add({ name: folder || "Your model", files: new Map(read) }).catch(ignore);
    }
  };
  files.addEventListener("change", () => {
    const opened = Array.from(files.files!);
    // The same files can then be opened again.
    files.value = "";
    void open(opened);
  });
  // Pictures are for tabs, which take them before they come here.
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    if (!event.defaultPrevented) {
      event.preventDefault();
      void droppedFiles(event.dataTransfer!).then((dropped) => {
        const folder = dropped.find(({ path }) => path.includes("/"))?.path.split("/")[0] ?? "";
        // A model's files lie side by side.
        const isBeside = ({ file, path }: PathFile) => path === (folder === "" ? file.name : `${folder}/${file.name}`);
        const files = dropped.filter(isBeside).map(({ file }) => file);
        return files.some(({ name }) => name.endsWith(".safetensors")) ? open(files, folder) : undefined;
      });
    }
  });
  show();
  return {
    async start() {
      sources.push(...(await shippedModels()));
      show();
      const asked = new URLSearchParams(location.search).get("model");
      const index = sources.findIndex(({ name }) => name.toLowerCase() === asked?.toLowerCase());
      if (sources.length === 0) {
        throw new Error("No model comes with this page. Open one of your own from the list of models.");
      }
      await choose(Math.max(index, 0));
    },
    add,
  };
}
