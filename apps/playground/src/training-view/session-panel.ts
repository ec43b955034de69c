import { element } from "../shell/element.js";

/** Where a training is. */
export type SessionState = "running" | "pausing" | "paused" | "finished";

/** What a visitor can do with a training. */
export interface SessionActions {
  readonly pause: () => void;
  readonly goOn: () => void;
  readonly use: () => void;
  readonly download: () => void;
  readonly discard: () => void;
}

/** A training that was begun: how far it is, and what can be done. */
export interface SessionPanel {
  readonly root: HTMLElement;
  /** Shows a state with the buttons that belong to it. */
  setState(state: SessionState): void;
  setTitle(title: string): void;
  /** @param share - From 0 to 1. */
  setProgress(share: number, text: string): void;
  /** What computes, and how fast. */
  setEngine(text: string): void;
  /** Says a sentence aloud too. */
  say(text: string, isError?: boolean): void;
}

/** Shares of the way after which a screen reader hears of it. */
const announcedShare = 0.1;

export function sessionPanel(actions: SessionActions): SessionPanel {
  const title = element("h2", { tabindex: -1 });
  const bar = element("progress", { max: 1, value: 0, "aria-label": "Training" });
  // Changes several times a second: the live region below says it now and then.
  const text = element("p", { class: "status" });
  const engine = element("p", { class: "hint" });
  const heard = element("p", { class: "visually-hidden", role: "status" });
  const message = element("p", { class: "status", role: "status" });
  const button = (label: string, name: string, action: (event: Event) => void) =>
    element("button", { type: "button", class: name, click: action }, label);
  const buttons = {
    pause: button("Pause", "primary running", actions.pause),
    goOn: button("Go on", "primary", actions.goOn),
    use: button("Use it in the other tabs", "primary", actions.use),
    download: button("Download", "", actions.download),
    discard: button("Discard", "quiet", (event) => confirmDiscard(event)),
  };
  const shown: Readonly<Record<SessionState, readonly (keyof typeof buttons)[]>> = {
    running: ["pause"],
    pausing: ["pause"],
    paused: ["goOn", "discard"],
    finished: ["use", "download", "discard"],
  };
  let state: SessionState = "paused";
  let isAsked = false;
  // A second press does it: what took minutes is not lost by one, nor by a double click.
  const confirmDiscard = (event: Event) => {
    if (isAsked && (event as MouseEvent).detail < 2) {
      actions.discard();
    } else {
      isAsked = true;
      buttons.discard.textContent = "Really discard it?";
    }
  };
  let announced = 0;
  return {
    root: element(
      "div",
      { class: "controls", hidden: true },
      title,
      bar,
      text,
      element("div", { class: "row" }, ...Object.values(buttons)),
      message,
      engine,
      heard,
    ),
    setState(next) {
      const hadFocus = Object.values(buttons).includes(document.activeElement as HTMLButtonElement);
      state = next;
      isAsked = false;
      buttons.discard.textContent = state === "finished" ? "Discard it and train another" : "Discard";
      buttons.pause.disabled = state === "pausing";
      for (const [name, each] of Object.entries(buttons)) {
        each.hidden = !shown[state].includes(name as keyof typeof buttons);
      }
      if (hadFocus && (document.activeElement as HTMLElement)?.hidden) {
        buttons[shown[state][0]!].focus();
      }
    },
    setTitle(name) {
      title.textContent = name;
      announced = 0;
    },
    setProgress(share, sentence) {
      bar.value = share;
      text.textContent = sentence;
      if (share >= announced + announcedShare || share < announced) {
        announced = share;
        heard.textContent = sentence;
      }
    },
    setEngine(sentence) {
      engine.textContent = sentence;
    },
    say(sentence, isError = false) {
      message.textContent = sentence;
      message.classList.toggle("error", isError);
    },
  };
}
