import { useState } from "react";

import { useMedia } from "../ui/media";
import { recall, remember } from "../ui/memory";

/** Room for three columns more; below that they are shown to those who ask for them. */
const ROOMY = "(min-width: 112rem)";

/** Is it shown what each miner earns? As somebody chose, else where there is room. */
export function useEarningsShown(): [boolean, (shown: boolean) => void] {
  const roomy = useMedia(ROOMY);
  const [chosen, setChosen] = useState(() => recall("earnings"));
  const choose = (shown: boolean) => {
    const said = shown ? "shown" : "hidden";
    remember("earnings", said);
    setChosen(said);
  };
  return [chosen === null ? roomy : chosen === "shown", choose];
}
