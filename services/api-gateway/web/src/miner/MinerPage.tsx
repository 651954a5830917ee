export default function MinerPage({ id }: { id: string }) {
  return id;
}
