import { element } from "./element.js";
import type { Tab } from "./tab.js";

/** The tabs of the page. */
export interface TabList {
  /** Shows a tab by its id; one that does not exist, the first. */
  show(id: string): void;
  /** The tab that is shown. */
  readonly current: string;
  /** Where a tab's content is. */
  panel(id: string): HTMLElement;
}

/**
 * Fills a list with tabs and the page with their panels. Arrow keys go from tab to tab; the address names the one shown.
 *
 * @param onShow - Told of each tab that the visitor goes to.
 * @see https://www.w3.org/WAI/ARIA/apg/patterns/tabs
 */
export function tabList(
  list: HTMLElement,
  panels: HTMLElement,
  { onShow, tabs }: { readonly tabs: readonly Tab[]; readonly onShow: (id: string) => void },
): TabList {
  const made = tabs.map(({ id, summary, title }) => {
    const button = element(
      "button",
      {
        ...{ type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}` },
        click: () => show(id, true),
      },
      title,
    );
    const content = element("div", { class: "panel-content" });
    const panel = element(
      "section",
      { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, tabindex: 0, hidden: true },
      element("p", { class: "summary" }, summary),
      content,
    );
    return { id, button, panel, content };
  });
  let current = tabs[0]!.id;
  const show = (id: string, byUser = false) => {
    current = made.some((tab) => tab.id === id) ? id : tabs[0]!.id;
    for (const { button, id, panel } of made) {
      const isShown = id === current;
      button.setAttribute("aria-selected", String(isShown));
      button.tabIndex = isShown ? 0 : -1;
      panel.hidden = !isShown;
      if (isShown) {
        button.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    }
    if (byUser) {
      history.replaceState(undefined, "", `#${current}`);
      onShow(current);
    }
  };
  list.addEventListener("keydown", ({ key }) => {
    const at = made.findIndex(({ id }) => id === current);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + made.length, Home: 0, End: made.length - 1 }[key];
    if (to !== undefined) {
      const { button, id } = made[to % made.length]!;
      show(id, true);
      button.focus();
    }
  });
  list.append(...made.map(({ button }) => button));
  panels.append(...made.map(({ panel }) => panel));
  addEventListener("hashchange", () => show(location.hash.slice(1), true));
  show(location.hash.slice(1));
  return {
    show: (id) => show(id, true),
    get current() {
      return current;
    },
    panel: (id) => made.find((tab) => tab.id === id)!.content,
  };
}
