import { element } from "../shell/element.js";

/** Codes of an image as colored cells, of which one can be chosen. */
export interface CodeGrid {
  readonly root: HTMLElement;
  /** Shows how much each code was looked at, as shares from 0 to 1; with nothing, the codes' own colors. */
  showShares(shares: ArrayLike<number> | undefined): void;
  /** Marks a code as chosen, or none. */
  choose(code: number | undefined): void;
}

/** Lightness of a cell that is not looked at, `--unlit`; above the other one a cell is bright, and its number dark. */
const unlit = 0.26;
const bright = 0.555;
const lightnessOf = (code: number) => (code % 2 === 0 ? 0.74 : 0.84);

/** Degrees between the hues of neighboring codes: the golden angle, so that no two of few are alike. */
const goldenAngle = 137.508;

/**
 * @param codes - Those of a grid, row by row, after `lead` others that stand above it.
 * @param onChoose - Told of the number of a code that was chosen.
 */
export function codeGrid(
  codes: ArrayLike<number>,
  { each, lead, width }: { readonly width: number; readonly lead: number; readonly each: number },
  onChoose: (code: number) => void,
): CodeGrid {
  const columns = width * each;
  const cells = Array.from(codes, (code, i) => {
    const where =
      i < lead ? `Color ${i + 1}` : `Row ${Math.floor((i - lead) / columns) + 1}, column ${((i - lead) % columns) + 1}`;
    const cell = element(
      "button",
      { type: "button", class: "code", "aria-label": `${where}: code ${code}`, "aria-pressed": "false", tabindex: -1 },
      columns <= 8 ? String(code) : "",
    );
    cell.style.setProperty("--code", `oklch(${lightnessOf(code)} 0.11 ${(code * goldenAngle) % 360})`);
    cell.addEventListener("click", () => onChoose(i));
    return cell;
  });
  cells[0]!.tabIndex = 0;
  const focus = (to: number) => {
    for (const [i, cell] of cells.entries()) {
      cell.tabIndex = i === to ? 0 : -1;
    }
    cells[to]!.focus();
  };
  const root = element("div", { class: "code-room", role: "group", "aria-label": "Codes of the image" });
  root.addEventListener("keydown", (event) => {
    const at = cells.indexOf(event.target as HTMLButtonElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const to = at + (step ?? 0);
    if (step !== undefined && to >= 0 && to < cells.length) {
      event.preventDefault();
      focus(to);
    }
  });
  if (lead > 0) {
    root.append(element("div", { class: "code-lead" }, ...cells.slice(0, lead)));
  }
  root.append(element("div", { class: "code-grid", style: `--columns: ${columns}` }, ...cells.slice(lead)));
  return {
    root,
    showShares(shares) {
      root.classList.toggle("heated", shares !== undefined);
      for (const [i, cell] of cells.entries()) {
        const share = shares?.[i] ?? 0;
        cell.style.setProperty("--heat", String(share));
        cell.classList.toggle("hot", unlit + share * (lightnessOf(codes[i]!) - unlit) > bright);
      }
    },
    choose(code) {
      for (const [i, cell] of cells.entries()) {
        cell.setAttribute("aria-pressed", String(i === code));
      }
    },
  };
}
