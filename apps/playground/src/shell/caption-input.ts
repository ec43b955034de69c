import type { ModelInfo } from "../protocol/messages.js";
import { continuations, replaceWord, splitLast, unknownWords, withWord } from "./caption-words.js";
import { element, newId } from "./element.js";

/** A text field for captions that offers words as one types, and explains those that the model does not know. */
export interface CaptionInput {
  readonly root: HTMLElement;
  readonly input: HTMLInputElement;
  setModel(model: ModelInfo): void;
}

/** Words that may come next, likeliest first; the signal fires when they are no longer wanted. */
export type SuggestWords = (beginning: string, signal: AbortSignal) => Promise<readonly string[]>;

/** @param onEnter - What the enter key does. */
export function captionInput(suggest: SuggestWords, onEnter: () => void): CaptionInput {
  const id = newId("caption");
  const problemsId = newId("problems");
  const input = element("input", {
    ...{ id, type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false" },
    "aria-describedby": problemsId,
    input: () => refresh(),
    keydown: (event) => {
      if ((event as KeyboardEvent).key === "Enter") {
        onEnter();
      }
    },
  });
  const problems = element("div", { id: problemsId, class: "problems", role: "status" });
  const chips = element("div", { class: "chips", role: "group", "aria-label": "Suggested words" });
  const examples = element("div", { class: "chips", role: "group", "aria-label": "Examples" });
  let model: ModelInfo | undefined;
  let asked = new AbortController();

  const set = (caption: string) => {
    input.value = caption;
    input.focus();
    refresh();
  };
  const offer = (words: readonly string[]) => {
    const buttons = words.map((word) =>
      element(
        "button",
        { type: "button", class: "chip", click: () => set(withWord(input.value, word, model!.unit)) },
        word,
      ),
    );
    chips.replaceChildren(...buttons);
  };
  const refresh = () => {
    if (model === undefined) {
      return;
    }
    const caption = input.value;
    // A word that is being typed may still become a known one.
    const begun = continuations(caption, model);
    const finished = begun.length > 0 ? splitLast(caption, model.unit).before : caption;
    problems.replaceChildren(...unknownWords(finished, model).map((unknown) => explain(unknown, model!, set, caption)));
    asked.abort();
    asked = new AbortController();
    if (begun.length > 0 || model.unit === "classes") {
      offer(begun);
      return;
    }
    const { signal } = asked;
    suggest(caption, signal).then(
      (next) => {
        if (!signal.aborted) {
          offer(next);
        }
      },
      () => {
        if (!signal.aborted) {
          offer([]);
        }
      },
    );
  };
  return {
    root: element(
      "div",
      { class: "field" },
      element("label", { for: id }, "Caption"),
      input,
      problems,
      chips,
      examples,
    ),
    input,
    setModel(next) {
      model = next;
      input.value = next.examples[0] ?? "";
      examples.replaceChildren(
        ...next.examples.map((caption) =>
          element("button", { type: "button", class: "example", click: () => set(caption) }, caption),
        ),
      );
      refresh();
    },
  };
}

function explain(
  { nearest, word }: ReturnType<typeof unknownWords>[number],
  { unit, words }: ModelInfo,
  set: (caption: string) => void,
  caption: string,
): HTMLElement {
  const offers = nearest.map((other) =>
    element(
      "button",
      { type: "button", class: "chip", click: () => set(replaceWord(caption, word, { by: other, unit })) },
      other,
    ),
  );
  return element(
    "p",
    {},
    `“${word}” is in none of the captions that this model learned from; it knows ${words.length} ${unit}. `,
    ...(offers.length > 0 ? ["Did you mean ", ...offers.flatMap((offer) => [offer, " "])] : []),
  );
}
