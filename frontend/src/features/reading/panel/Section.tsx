/** A part of the side panel that can be folded away; the browser remembers which are. */

import { Collapse, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconChevronRight } from "@tabler/icons-react";
import { type ReactNode, useId } from "react";

interface Props {
  id: string;
  title: string;
  /** Stands in the heading, and so is seen when the section is folded. */
  aside?: ReactNode;
  isClosedAtFirst?: boolean;
  children: ReactNode;
}

export function Section({ id, title, aside, isClosedAtFirst = false, children }: Props) {
  const [isOpen, setOpen] = useLocalStorage({
    key: `cineloop.panel.${id}`,
    defaultValue: !isClosedAtFirst,
    getInitialValueInEffect: false,
  });
  const body = useId();
  return (
    <section className="panel-section" data-section={id}>
      <Group justify="space-between" wrap="nowrap" mih={22}>
        <UnstyledButton
          className="panel-heading"
          aria-expanded={isOpen}
          aria-controls={body}
          onClick={() => setOpen(!isOpen)}
        >
          <IconChevronRight size={12} style={{ transform: isOpen ? "rotate(90deg)" : undefined }} />
          <Text span size="xs">
            {title}
          </Text>
        </UnstyledButton>
        {aside}
      </Group>
      <Collapse expanded={isOpen} id={body}>
        <Stack gap={6} pt={4}>
          {children}
        </Stack>
      </Collapse>
    </section>
  );
}
