type Child = Node | string | undefined;

/** Attributes of an element; a function is a listener of the event that is named, `false` and `undefined` leave one out. */
export type Attributes = Readonly<
  Record<string, string | number | boolean | undefined | ((event: Event) => void | Promise<void>)>
>;

/** An element with attributes, listeners and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      made.addEventListener(key, (event) => void value(event));
    } else if (value !== undefined && value !== false) {
      made.setAttribute(key, value === true ? "" : String(value));
    }
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

let lastId = 0;

/** An id that no other element has. */
export function newId(prefix: string): string {
  return `${prefix}-${++lastId}`;
}
