import { X } from "lucide-react";
import { Toast } from "radix-ui";
import { useTranslation } from "react-i18next";

import { dismiss, useNotices } from "./toaster";
import { FILL } from "./tone";

/** The notices that are up. Hovering or focusing one keeps it. */
export function Toasts() {
  const { t } = useTranslation();
  return (
    <Toast.Provider duration={6_000} label={t("toast.label")}>
      {useNotices().map((notice) => (
        <Toast.Root
          key={notice.id}
          onOpenChange={(open) => {
            if (!open) dismiss(notice.id);
          }}
          className="flex w-full animate-arrive gap-3 rounded-lg border border-line-strong bg-panel p-3 shadow-float"
        >
          <span aria-hidden className={`w-1 shrink-0 rounded-full ${FILL[notice.tone]}`} />
          <div className="min-w-0 flex-1">
            <Toast.Title className="font-medium text-ink">{notice.title}</Toast.Title>
            <Toast.Description className="text-ink-2">{notice.body}</Toast.Description>
          </div>
          <Toast.Close
            aria-label={t("toast.close")}
            className="grid size-6 shrink-0 place-items-center rounded text-ink-3 hover:bg-raised hover:text-ink"
          >
            <X aria-hidden size={14} />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport
        label={t("toast.viewport")}
        className="fixed right-4 bottom-20 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2 outline-none md:bottom-4"
      />
    </Toast.Provider>
  );
}
