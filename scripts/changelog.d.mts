export function getReleaseLine(changeset: { readonly summary: string }): Promise<string>;
export function getDependencyReleaseLine(
  changesets: unknown,
  dependencies: readonly { readonly name: string; readonly newVersion: string }[],
): Promise<string>;
