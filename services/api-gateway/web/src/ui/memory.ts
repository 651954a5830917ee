/** What the browser remembers of somebody's choices; without storage, nothing. */

type Key = "theme" | "language" | "series" | "range" | "sorting" | "earnings";

export function recall(key: Key): string | null {
  try {
    return localStorage.getItem(`minestream.${key}`);
  } catch {
    return null; // storage is shut
  }
}

export function remember(key: Key, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`minestream.${key}`);
    else localStorage.setItem(`minestream.${key}`, value);
  } catch {
    // storage is shut: the choice holds until the page is closed
  }
}
