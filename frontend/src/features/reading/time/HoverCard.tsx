/** What lies under the pointer on the timeline: the frame, its time, its masks and where they come of. */

import { ColorSwatch, Group, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { type Finding, findingText } from "../../../editor/attention";
import { originText } from "../origins";
import { useRoom } from "../useEditor";
import { ThumbnailCache } from "./Thumbnails";

const HEIGHT = 84;

export function HoverCard({ frame, left, findings }: { frame: number; left: number; findings: Finding[] }) {
  const { editor } = useRoom();
  const here = useRef<HTMLDivElement>(null);
  const cache = useRef<ThumbnailCache>(undefined);
  useEffect(() => {
    cache.current ??= new ThumbnailCache(editor, HEIGHT);
    const picture = cache.current.make(frame);
    here.current?.replaceChildren(...(picture ? [picture] : []));
    if (picture) picture.style.height = `${HEIGHT}px`;
  }, [editor, frame]);
  const masks = editor.labels.flatMap((label) => {
    const mask = editor.document.mask(label.index, frame);
    return mask ? [{ label, mask }] : [];
  });
  return (
    <div className="hover-card" style={{ left }} data-testid="hover-card">
      <div ref={here} className="hover-picture" />
      <div>
        <Text size="xs" fw={600} className="numbers">
          Frame {frame + 1}
          <Text span size="xs" c="dark.2" ml={6}>
            {(editor.clock.timeOf(frame) / 1000).toFixed(2)} s
          </Text>
          {editor.isAccepted(frame) && (
            <Text span size="xs" c="teal.4" ml={6}>
              accepted
            </Text>
          )}
        </Text>
        {masks.map(({ label, mask }) => {
          const finding = findings.find((one) => one.frameIndex === frame && one.label === label);
          return (
            <div key={label.code}>
              <Group gap={5} wrap="nowrap">
                <ColorSwatch color={label.colour} size={8} withShadow={false} />
                <Text size="xs" className="numbers">
                  {label.name}
                  <Text span size="xs" c="dark.2" ml={5}>
                    {originText(mask)}
                  </Text>
                </Text>
              </Group>
              {finding && (
                <Text size="xs" c="yellow.5" pl={13}>
                  {findingText(finding)}
                </Text>
              )}
            </div>
          );
        })}
        {masks.length === 0 && (
          <Text size="xs" c="dark.2">
            no mask
          </Text>
        )}
      </div>
    </div>
  );
}
