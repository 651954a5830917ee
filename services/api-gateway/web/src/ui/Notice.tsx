import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";

interface EmptyProps {
  title: string;
  children?: ReactNode;
}

/** Nothing is here, and what to do about it. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-6 py-12 text-center">
      <p className="text-base font-medium text-ink">{title}</p>
      <div className="text-ink-2">{children}</div>
    </div>
  );
}

interface FailureProps {
  title: string;
  error: Error;
  retry?: () => void;
}

/** What failed, in the gateway's own words, with the id that its log knows the request by. */
export function Failure({ title, error, retry }: FailureProps) {
  const { t } = useTranslation();
  const api = error instanceof ApiError ? error : null;
  const unreachable = api !== null && api.status === null;
  return (
    <div role="alert" className="m-4 flex gap-3 rounded-md border border-line bg-bad-soft p-4">
      <CircleAlert aria-hidden size={18} className="mt-px shrink-0 text-bad" />
      <div className="min-w-0 space-y-1">
        <p className="font-medium text-ink">{title}</p>
        <p className="text-ink-2">
          {unreachable ? t("error.unreachable") : (api?.title ?? error.message)}
          {api?.detail == null ? null : `: ${api.detail}`}
        </p>
        {unreachable ? <p className="text-ink-2">{t("error.unreachableBody")}</p> : null}
        {api?.requestId == null ? null : (
          <p className="font-mono text-2xs text-ink-2 select-all">
            {t("error.request", { id: api.requestId })}
          </p>
        )}
        {retry === undefined ? null : (
          <button
            type="button"
            onClick={retry}
            className="mt-2 rounded-md border border-line-strong bg-panel px-3 py-1 font-medium hover:bg-raised"
          >
            {t("error.retry")}
          </button>
        )}
      </div>
    </div>
  );
}
