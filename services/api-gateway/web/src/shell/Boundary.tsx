import { Component, type ReactNode } from "react";
import { Translation } from "react-i18next";

import { Empty } from "../ui/Notice";

interface BoundaryState {
  error: Error | null;
}

/** A fault of the page itself stays on the page that has it, and says what it was. */
export class Boundary extends Component<{ children: ReactNode }, BoundaryState> {
  override state: BoundaryState = { error: null };

  static getDerivedStateFromError(error: unknown): BoundaryState {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Translation>
        {(t) => (
          <Empty title={t("error.page")}>
            <p>{t("error.pageBody")}</p>
            <p className="mt-3 rounded-md bg-raised p-3 text-left font-mono text-xs break-words">
              {error.message}
            </p>
            <button
              type="button"
              onClick={() => location.reload()}
              className="mt-4 rounded-md border border-line-strong bg-panel px-3 py-1.5 font-medium text-ink hover:bg-raised"
            >
              {t("error.reload")}
            </button>
          </Empty>
        )}
      </Translation>
    );
  }
}
