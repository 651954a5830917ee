import { useTranslation } from "react-i18next";
import { Meter } from "./Meter";
import { toneOfShare } from "./tone";
import { useFormat } from "./useFormat";

/** The share of the expected hashrate, in words and as a bar; null: nobody said what to expect. */
export function OfExpected({ share }: { share: number | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (share === null) return t("figure.expectedUnknown");
  return (
    <>
      <span className="block truncate">{t("figure.ofExpected", { share: format.share(share) })}</span>
      <span className="block pt-1">
        <Meter share={share} tone={toneOfShare(share)} />
      </span>
    </>
  );
}
