import { droppedFiles, openedFiles, type PathFile, takeDrops } from "../shell/dropped-files.js";
import { element, newId } from "../shell/element.js";
import { guessWordSource, minOwnImages, type WordSource } from "../training/own-images.js";

/** Where a visitor gives own images, and says where their words are. */
export interface OwnImagesPicker {
  readonly root: HTMLElement;
  readonly files: readonly PathFile[];
  readonly source: WordSource;
  readonly side: number;
}

const sides = [16, 32, 64];
const sources: Readonly<Record<WordSource, string>> = {
  "file-names": "the files' names, as captions",
  "folder-names": "the folders' names, a class each",
  none: "nothing: images alone",
};

export function ownImagesPicker(): OwnImagesPicker {
  let files: readonly PathFile[] = [];
  const sourceId = newId("words");
  const source = element(
    "select",
    { id: sourceId },
    ...Object.entries(sources).map(([value, text]) => new Option(text, value)),
  );
  const sideId = newId("side");
  const side = element(
    "select",
    { id: sideId },
    ...sides.map((each) => new Option(`${each} × ${each} pixels`, String(each))),
  );
  side.value = "32";
  const count = element("p", { class: "status", role: "status" });
  const take = (given: readonly PathFile[]) => {
    const pictures = given.filter(({ file }) => file.type.startsWith("image/"));
    const known = new Set(files.map(({ path }) => path));
    files = [...files, ...pictures.filter(({ path }) => !known.has(path))];
    source.value = guessWordSource(files.map(({ path }) => path));
    clear.hidden = files.length === 0;
    const others = given.length - pictures.length;
    const passedOver =
      others > 0
        ? ` ${others === 1 ? "1 file that is no image was" : `${others} files that are no images were`} passed over.`
        : "";
    count.classList.toggle("error", files.length < minOwnImages);
    count.textContent = `${files.length} images.${files.length < minOwnImages ? ` At least ${minOwnImages} are needed.` : ""}${passedOver}`;
  };
  const input = (attributes: Record<string, string | boolean>) => {
    const chooser: HTMLInputElement = element("input", {
      ...{ type: "file", multiple: true, hidden: true, ...attributes },
      change: () => {
        take(openedFiles(chooser));
        // The same files can then be chosen again.
        chooser.value = "";
      },
    });
    return chooser;
  };
  const images = input({ accept: "image/*", "data-choose": "images" });
  const folder = input({ webkitdirectory: true, "data-choose": "folder" });
  const button = (label: string, chooser: HTMLInputElement) =>
    element("button", { type: "button", click: () => chooser.click() }, label);
  const forget = () => {
    files = [];
    count.textContent = "";
    clear.hidden = true;
  };
  const clear = element("button", { type: "button", class: "quiet", hidden: true, click: forget }, "Clear");
  const place = element(
    "div",
    { class: "drop-place" },
    element("p", {}, "Drop images or a folder here, or choose them. They stay in this browser."),
    element("div", { class: "row" }, button("Choose images", images), button("Choose a folder", folder)),
    element("div", { class: "row between" }, count, clear),
    images,
    folder,
  );
  takeDrops(place, (dropped) => void droppedFiles(dropped).then(take));
  const field = (id: string, label: string, control: HTMLElement) =>
    element("div", { class: "field" }, element("label", { for: id }, label), control);
  return {
    root: element(
      "div",
      { class: "own-images", hidden: true },
      place,
      field(sourceId, "What is said of them", source),
      field(sideId, "Size", side),
    ),
    get files() {
      return files;
    },
    get source() {
      return source.value as WordSource;
    },
    get side() {
      return Number(side.value);
    },
  };
}
