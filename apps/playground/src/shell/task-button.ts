import { isStopped } from "../protocol/worker-client.js";
import { element } from "./element.js";

/** A button that starts work, and stops it while it runs, with a line that says how it went. */
export interface TaskButton {
  readonly button: HTMLButtonElement;
  /** A live region. */
  readonly status: HTMLElement;
  /** Starts the work, as the button does; while it runs, once more afterwards. */
  run(): Promise<void>;
  /** Says what is wrong before any work; nothing where the sentence is empty. */
  showProblem(sentence: string): void;
  /** Whether it can be started. */
  setEnabled(enabled: boolean): void;
}

/** Work that a button starts: gives a sentence that says what was done. */
export type Work = (signal: AbortSignal, say: (text: string) => void) => Promise<string>;

/** @param label - What the button says while nothing runs. */
export function taskButton(label: string, work: Work): TaskButton {
  const status = element("p", { class: "status", role: "status" });
  let controller: AbortController | undefined;
  let isAwaited = false;
  const say = (text: string, isError = false) => {
    status.textContent = text;
    status.classList.toggle("error", isError);
  };
  const run = async () => {
    if (controller !== undefined) {
      isAwaited = true;
      return;
    }
    isAwaited = false;
    controller = new AbortController();
    button.textContent = "Stop";
    button.classList.add("running");
    say("Working …");
    try {
      say(await work(controller.signal, say));
    } catch (error) {
      say(isStopped(error) ? "Stopped." : error instanceof Error ? error.message : String(error), !isStopped(error));
    } finally {
      isAwaited &&= !controller.signal.aborted;
      controller = undefined;
      button.textContent = label;
      button.classList.remove("running");
    }
    if (isAwaited) {
      await run();
    }
  };
  const button = element(
    "button",
    { type: "button", class: "primary", click: () => (controller ? controller.abort() : run()) },
    label,
  );
  return {
    ...{ button, status, run },
    showProblem: (sentence) => say(sentence, sentence !== ""),
    setEnabled(enabled) {
      button.disabled = !enabled;
    },
  };
}
