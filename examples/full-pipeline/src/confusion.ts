import { palette } from "@mmgen/datasets";
import { confusionMatrix } from "@mmgen/plots";
import { type AttributeName, attributeTitles } from "./attributes.js";
import type { Readings } from "./judge.js";

const digits = Array.from({ length: 10 }, (_, digit) => String(digit));
const colors = palette.map(({ name }) => name);
const classes: Readonly<Record<AttributeName, readonly string[]>> = {
  digit: digits,
  digitColor: colors,
  backgroundColor: colors,
};

/** What a confusion matrix is of. */
export interface ConfusionOptions {
  readonly title: string;
  /** What a row stands for. */
  readonly rowTitle: string;
  /** What a column stands for. */
  readonly columnTitle: string;
}

/** What was asked for against what was found, for one attribute, as SVG. What cannot be read at all has a column of its own. */
export function attributeConfusion(
  name: AttributeName,
  readings: Pick<Readings, "asked" | "found">,
  options: ConfusionOptions,
): string {
  const [asked, found] = [readings.asked[name], readings.found[name]];
  const labels = classes[name];
  const unread = Array.from(found).some((label) => label < 0);
  const columnLabels = unread ? [...labels, "none"] : labels;
  const counts = labels.map(() => new Array<number>(columnLabels.length).fill(0));
  for (let i = 0; i < asked.length; i++) {
    const column = found[i]! < 0 ? labels.length : found[i]!;
    // A caption that names nothing asks for nothing.
    if (asked[i]! >= 0) {
      counts[asked[i]!]![column]!++;
    }
  }
  return confusionMatrix({
    counts,
    labels,
    columnLabels,
    rowTitle: options.rowTitle,
    columnTitle: options.columnTitle,
    title: `${options.title}: ${attributeTitles[name]}`,
    subtitle: "per cent of a row",
  });
}
