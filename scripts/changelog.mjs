/** How `changeset version` writes CHANGELOG.md: the changesets' texts, and one line of the packages it depends on. */

/**
 * A change as an item of a list, whose own lists and paragraphs stay within it.
 *
 * @param {{ summary: string }} changeset
 */
export async function getReleaseLine({ summary }) {
  const [first, ...others] = summary.trim().split("\n");
  return [`- ${first}`, ...others.map((line) => `  ${line}`.trimEnd())].join("\n");
}

/**
 * The dependencies that were released too; nothing where there are none.
 *
 * @param {unknown} _changesets
 * @param {{ name: string, newVersion: string }[]} dependencies
 */
export async function getDependencyReleaseLine(_changesets, dependencies) {
  const names = dependencies.map(({ name, newVersion }) => `\`${name}\` ${newVersion}`);
  return names.length === 0 ? "" : `- Depends on ${names.join(", ")}.`;
}

export default { getReleaseLine, getDependencyReleaseLine };
