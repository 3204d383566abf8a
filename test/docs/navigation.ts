import { parse } from 'yaml';

export interface NavigationPage {
  /** Path without `.md`, from docs/. */
  readonly page: string;
  /** In the navigation; undefined for the first heading of the page. */
  readonly title?: string;
}

export interface NavigationSection {
  readonly section: string;
  readonly pages: readonly NavigationPage[];
}

/**
 * Reads docs/navigation.yaml. An item is the path of a page, or `title: path`. An item with `*` stands for every page of that
 * folder that no other item names, in the order of their names, so that a new page appears without an edit.
 */
export function readNavigation(yaml: string, pages: readonly string[]): NavigationSection[] {
  const sections = parse(yaml) as Record<string, ReadonlyArray<string | Record<string, string>>>;
  const items = Object.entries(sections).map(([section, list]) => ({ section, list: list.map(itemOf) }));
  const named = new Set(items.flatMap(({ list }) => list.map(({ page }) => page)));
  const missing = [...named].filter((page) => !page.includes('*') && !pages.includes(page));
  if (missing.length > 0) throw new Error(`docs/navigation.yaml names pages that do not exist: ${missing}`);
  const rest = pages.filter((page) => !named.has(page)).sort();
  const navigation = items.map(({ section, list }) => ({
    section,
    pages: list.flatMap((item) => {
      if (!item.page.endsWith('*')) return [item];
      const folder = item.page.slice(0, -1);
      return rest
        .filter((page) => page.slice(0, page.lastIndexOf('/') + 1) === folder)
        .map((page) => ({ page }));
    }),
  }));
  const shown = new Set(navigation.flatMap((section) => section.pages.map(({ page }) => page)));
  const hidden = pages.filter((page) => !shown.has(page));
  if (hidden.length > 0)
    throw new Error(`docs/navigation.yaml has no place for ${hidden}; add the pages, or "FOLDER/*"`);
  return navigation;
}

function itemOf(item: string | Record<string, string>): NavigationPage {
  if (typeof item === 'string') return { page: item };
  const [[title, page]] = Object.entries(item);
  return { page, title };
}
