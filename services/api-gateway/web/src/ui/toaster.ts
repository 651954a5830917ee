/** Short notices that come and go; shown by Toasts. */

import { useSyncExternalStore } from "react";

import type { Tone } from "./tone";

export interface ToastNotice {
  id: number;
  tone: Tone;
  title: string;
  body: string;
}

/** More at a time would hide the page. */
const MOST = 3;

let notices: readonly ToastNotice[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function set(next: readonly ToastNotice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

export function toast(notice: Omit<ToastNotice, "id">): void {
  lastId += 1;
  set([...notices, { ...notice, id: lastId }].slice(-MOST));
}

export function dismiss(id: number): void {
  set(notices.filter((notice) => notice.id !== id));
}

export function useNotices(): readonly ToastNotice[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
}
