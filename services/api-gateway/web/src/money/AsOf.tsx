import { useTranslation } from "react-i18next";

import { useServerNow } from "../live";
import { useFormat } from "../ui/useFormat";
import { ageOf, STALE_MS } from "./basis";

/** When something was so, and how long ago that is; what is too old says so. */
export function AsOf({ at }: { at: string | null | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useServerNow();
  const age = ageOf(at, now);
  if (age === null) return <span className="text-ink-3">–</span>;
  const time = format.instant(new Date(at ?? ""), new Date(now));
  return (
    <>
      {t("money.asOf", { time, age: format.age(age) })}
      {age > STALE_MS ? <span className="font-medium text-warn">{` · ${t("money.stale")}`}</span> : null}
    </>
  );
}
