import type { ImageBatch } from "@mmgen/core";
import type { EngineChoice } from "./engine/start-engine.js";
import type { ModelInfo, ModelSource } from "./protocol/messages.js";
import { WorkerClient } from "./protocol/worker-client.js";
import { modelChooser } from "./shell/model-chooser.js";
import type { Page, Tab, TabParts } from "./shell/tab.js";
import { tabList } from "./shell/tab-list.js";
import { themeToggle } from "./shell/theme.js";
import { completeTab } from "./tabs/complete-tab.js";
import { describeTab } from "./tabs/describe-tab.js";
import { drawTab } from "./tabs/draw-tab.js";
import { inspectTab } from "./tabs/inspect-tab.js";
import { inventTab } from "./tabs/invent-tab.js";
import { trainTab } from "./tabs/train-tab.js";
import { originOfFiles } from "./training/origin.js";

const tabs: readonly Tab[] = [drawTab, describeTab, completeTab, inventTab, inspectTab, trainTab];

const byId = <Kind extends HTMLElement>(id: string) => document.getElementById(id) as Kind;
const createClient = () => new WorkerClient(new Worker("worker.js", { type: "module" }));
const client = createClient();
const state = byId("state");
const parts = new Map<string, TabParts>();
const list = tabList(byId("tabs"), byId("panels"), { tabs, onShow });
let model: ModelInfo | undefined;

const page: Page = {
  client,
  createClient,
  open(id: string, image?: ImageBatch) {
    if (image !== undefined) {
      parts.get(id)?.onImage?.(image);
    }
    list.show(id);
    byId(`tab-${list.current}`).focus();
  },
  useModel: (name, files) => chooser.add({ name, files }),
};

/** Loads a model, and tells all tabs of it; throws what is wrong with its files, and keeps the one before. */
async function load(source: ModelSource): Promise<void> {
  say(`Loading ${source.name} …`);
  try {
    model = await client.request("load", source);
    byId("model-facts").textContent = factsOf(model);
    byId("model-origin").textContent = "origin" in source ? source.origin : originOfFiles(source.files);
    say("");
    for (const part of parts.values()) {
      part.onModel?.(model);
    }
    onShow(list.current);
  } catch (error) {
    say((error as Error).message, true);
    throw error;
  }
}

/** Tells a tab that it is shown, once it can do something. */
function onShow(id: string): void {
  if (model !== undefined) {
    parts.get(id)?.onShow?.();
  }
}

function say(text: string, isError = false): void {
  state.textContent = text;
  state.classList.toggle("error", isError);
}

function factsOf({ codebookSize, codeGrid, image, parameters, words }: ModelInfo): string {
  const size = `${image.width}×${image.height} pixels as ${codeGrid.width * codeGrid.height} codes of ${codebookSize}`;
  const known = words.length === 0 ? "" : `, ${words.length} words`;
  return `${size}${known}, ${parameters.toLocaleString("en")} numbers learned`;
}

/** The engine that the address names, `?engine=onnx`. */
function engineChoice(): EngineChoice {
  return (new URLSearchParams(location.search).get("engine") ?? "auto") as EngineChoice;
}

themeToggle(byId("theme"));
for (const tab of tabs) {
  parts.set(tab.id, tab.mount(list.panel(tab.id), page));
}
const chooser = modelChooser(byId("model"), byId("model-files"), load);
try {
  say("Starting …");
  const engine = await client.request("start", { choice: engineChoice(), purpose: "generate" });
  byId("engine").textContent = `${engine.title}, ${engine.gigaflops.toFixed(1)} GFLOP/s`;
  await chooser.start();
} catch (error) {
  say((error as Error).message, true);
}
