/** The cine from left to right: small frames, the range of a propagation, a lane for each label, the cursor over all. */

import { ActionIcon, Tooltip } from "@mantine/core";
import { IconZoomReset } from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState } from "react";
import {
  frameAt,
  isWhole,
  revealing,
  scrolled,
  type TimeScale,
  wholeScale,
  xOf,
  zoomed,
} from "../../../editor/timescale";
import { useEditorState, useRoom } from "../useEditor";
import { useFindings } from "../useFindings";
import { useRestingFrame } from "../useRestingFrame";
import { HoverCard } from "./HoverCard";
import { drawLanes, lanesHeight, laneTop } from "./lanes";
import { BAR, RangeBar } from "./RangeBar";
import { STRIP, Thumbnails } from "./Thumbnails";

/** Width of the card under the pointer, in pixels. */
const CARD = 320;

export function TimeTrack() {
  const { editor } = useRoom();
  const track = useRef<HTMLDivElement>(null);
  const lanes = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [scale, setScale] = useState(() => wholeScale(editor.cine.frameCount));
  const [hover, setHover] = useState<{ frame: number; x: number } | null>(null);
  const findings = useFindings();
  const frameIndex = useRestingFrame();
  const isPlaying = useEditorState((state) => state.playing);

  useEffect(() => {
    const place = track.current;
    if (!place) return;
    const watch = new ResizeObserver(() => setWidth(place.clientWidth));
    watch.observe(place);
    // React listens passively, and a wheel that zooms must not scroll the page.
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = place.getBoundingClientRect();
      const part = (event.clientX - box.left) / box.width;
      const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
      const isAcross = Math.abs(across) > (event.shiftKey ? 0 : Math.abs(event.deltaY));
      setScale((now) =>
        isAcross
          ? scrolled(now, (across / box.width) * now.length)
          : zoomed(now, Math.exp(-event.deltaY * 0.003), part),
      );
    };
    place.addEventListener("wheel", wheel, { passive: false });
    return () => {
      watch.disconnect();
      place.removeEventListener("wheel", wheel);
    };
  }, []);

  useEffect(() => {
    const place = lanes.current;
    if (!place || width === 0) return;
    let request = 0;
    const draw = () => {
      cancelAnimationFrame(request);
      request = requestAnimationFrame(() =>
        drawLanes(place, { editor, scale, findings, loop: editor.state.loop }),
      );
    };
    const forget = editor.store.subscribe((state, before) => {
      if (
        state.masksVersion !== before.masksVersion ||
        state.framesLoaded !== before.framesLoaded ||
        state.hiddenLabels !== before.hiddenLabels ||
        state.loop !== before.loop
      ) {
        draw();
      }
    });
    draw();
    return () => {
      cancelAnimationFrame(request);
      forget();
    };
  }, [editor, scale, width, findings]);

  // The cursor moves by itself: nothing else is drawn while the cine plays.
  useEffect(() => {
    const show = () => {
      if (!cursor.current) return;
      const x = xOf(scale, editor.state.frameIndex, width);
      cursor.current.style.transform = `translateX(${x}px)`;
      cursor.current.style.width = `${Math.max(width / scale.length, 2)}px`;
    };
    show();
    return editor.store.subscribe((state, before) => {
      if (state.frameIndex === before.frameIndex) return;
      setScale((now) => revealing(now, state.frameIndex));
      show();
    });
  }, [editor, scale, width]);

  const under = (event: React.PointerEvent): { frame: number; x: number } => {
    const box = (track.current ?? event.currentTarget).getBoundingClientRect();
    const x = event.clientX - box.left;
    return { frame: frameAt(scale, x, box.width), x };
  };
  const seek = {
    onPointerDown: (event: React.PointerEvent) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      editor.goTo(under(event).frame);
    },
    onPointerMove: (event: React.PointerEvent) => {
      const { frame, x } = under(event);
      if (event.buttons & 1) editor.goTo(frame);
      setHover(event.buttons ? null : { frame, x });
    },
    onPointerLeave: () => setHover(null),
  };
  const height = lanesHeight(editor.labels.length);
  return (
    <div className="time-track">
      <div className="time-gutter" aria-hidden>
        {editor.labels.map((label, place) => (
          <span key={label.code} style={{ top: STRIP + BAR + laneTop(place), color: label.colour }}>
            {label.index}
          </span>
        ))}
      </div>
      <div ref={track} className="time-body">
        <div {...seek}>
          <Thumbnails scale={scale} width={width} />
        </div>
        <RangeBar scale={scale} width={width} />
        <canvas
          ref={lanes}
          className="timeline"
          style={{ height }}
          role="slider"
          aria-label="Frame"
          aria-valuemin={1}
          aria-valuemax={editor.cine.frameCount}
          aria-valuenow={frameIndex + 1}
          // A screen reader would speak every frame that plays by.
          aria-valuetext={isPlaying ? "playing" : `Frame ${frameIndex + 1} of ${editor.cine.frameCount}`}
          tabIndex={0}
          {...seek}
        />
        <div ref={cursor} className="time-cursor" />
        {hover && (
          <HoverCard
            frame={hover.frame}
            left={Math.min(Math.max(hover.x - CARD / 2, 0), Math.max(width - CARD, 0))}
            findings={findings}
          />
        )}
        {!isWhole(scale) && <Scroll scale={scale} onScale={setScale} />}
      </div>
    </div>
  );
}

/** Which part of the cine is shown, to be dragged, and a way back to the whole. */
function Scroll({ scale, onScale }: { scale: TimeScale; onScale: (scale: TimeScale) => void }) {
  const drag = useCallback(
    (event: React.PointerEvent<HTMLDivElement>) => {
      const box = event.currentTarget.parentElement?.getBoundingClientRect();
      if (event.buttons & 1 && box) onScale(scrolled(scale, (event.movementX / box.width) * scale.count));
    },
    [scale, onScale],
  );
  return (
    <div className="time-scroll">
      <div
        className="time-scroll-part"
        style={{
          left: `${(100 * scale.first) / scale.count}%`,
          width: `${(100 * scale.length) / scale.count}%`,
        }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
      />
      <Tooltip label="Show the whole cine">
        <ActionIcon
          className="time-whole"
          size={18}
          variant="default"
          aria-label="Show the whole cine"
          onClick={() => onScale(wholeScale(scale.count))}
        >
          <IconZoomReset size={13} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}
