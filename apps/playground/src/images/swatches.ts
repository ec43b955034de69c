import { palette } from "@mmgen/datasets";
import { element, newId } from "../shell/element.js";
import type { Rgb } from "./drawing.js";

/** Colors offered, all of them in the captions of the digits that come with the page. */
const offered = [
  ...["plain black", "dark gray", "plain white", "normal red", "plain orange", "bright yellow", "plain green"],
  ...["bright cyan", "plain blue", "plain purple", "light pink", "plain brown"],
];

/** A choice of colors, one of them any. */
export interface Swatches {
  readonly root: HTMLElement;
  readonly color: Rgb;
}

/**
 * @param legend - What the color is for.
 * @param first - Name of the color that is chosen at first.
 * @param onChange - Told of each choice.
 */
export function swatches(legend: string, first: string, onChange: (color: Rgb) => void): Swatches {
  const name = newId("color");
  const colors = palette.filter((color) => offered.includes(color.name));
  let color = toBytes(colors.find((each) => each.name === first)!.rgb);
  const choose = (next: Rgb) => {
    color = next;
    onChange(next);
  };
  const radios = colors.map(({ name: label, rgb }) =>
    element(
      "label",
      { class: "swatch", style: `--swatch: ${toCss(toBytes(rgb))}`, title: label },
      element("input", {
        ...{ type: "radio", name, "aria-label": label, checked: label === first },
        change: () => choose(toBytes(rgb)),
      }),
    ),
  );
  const any = element("input", { type: "color", "aria-label": `${legend}: another color`, value: toHex(color) });
  any.addEventListener("input", () => {
    for (const radio of Array.from(root.querySelectorAll<HTMLInputElement>("input[type=radio]"))) {
      radio.checked = false;
    }
    choose(fromHex(any.value));
  });
  const root = element("fieldset", { class: "swatches" }, element("legend", {}, legend), ...radios, any);
  return {
    root,
    get color() {
      return color;
    },
  };
}

const toBytes = ([red, green, blue]: readonly [number, number, number]): Rgb => [red * 85, green * 85, blue * 85];
const toCss = (color: Rgb) => `rgb(${color.join(" ")})`;
const toHex = (color: Rgb) => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

function fromHex(hex: string): Rgb {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return [red!, green!, blue!];
}
