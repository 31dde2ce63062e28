/** Train, compare the new model with the one in use, promote it or go back. */

import {
  Button,
  Code,
  Group,
  Paper,
  Stack,
  Table,
  Text,
  Title,
  Tooltip,
  VisuallyHidden,
} from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconArrowBackUp, IconPlayerPlay, IconRosetteDiscountCheck } from "@tabler/icons-react";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { client, type Schemas, take } from "../../api/client";
import {
  campaignsQuery,
  evaluationsQuery,
  modelPresetsQuery,
  modelsQuery,
  promotionsQuery,
  summaryQuery,
  trainingRunsQuery,
} from "../../api/queries";
import { useIsManager } from "../../app/roles";
import { Empty } from "../../ui/Empty";
import { notifyDone, notifyError } from "../../ui/notify";
import { Status } from "../../ui/Status";
import { Comparison } from "./Comparison";
import { ModelPresets } from "./ModelPresets";
import { type Method, TrainingMethod, usualMethod } from "./TrainingMethod";
import { TrainingRun } from "./TrainingRun";

type Model = Schemas["Model"];
type Evaluation = Schemas["Evaluation"];

export function ModelsPage() {
  const { slug } = useParams({ from: "/signed-in/shell/campaigns/$slug/models" });
  const { data: runs } = useSuspenseQuery(trainingRunsQuery(slug));
  const { data: models } = useSuspenseQuery(modelsQuery(slug));
  const { data: evaluations } = useSuspenseQuery(evaluationsQuery(slug));
  const { data: promotions } = useSuspenseQuery(promotionsQuery(slug));
  const { data: summary } = useSuspenseQuery(summaryQuery(slug));
  const { data: presets } = useSuspenseQuery(modelPresetsQuery(slug));
  const { data: campaigns } = useSuspenseQuery(campaignsQuery);
  const queries = useQueryClient();
  const isManager = useIsManager(slug);
  const settle = () => queries.invalidateQueries({ queryKey: ["campaign", slug] });
  const current = summary.current_model?.id;
  const campaign = campaigns.results.find((known) => known.slug === slug);
  const methods = models.results.find((model) => model.id === current)?.training_methods ?? [];
  const [chosen, setChosen] = useState<Method>();
  const method =
    chosen && methods.includes(chosen) ? chosen : usualMethod(methods, campaign?.training_config);
  const train = useMutation({
    mutationFn: () =>
      take(
        client.POST("/api/v1/training-runs/", {
          body: { campaign: slug, ...(method && { config: { method } }) },
        }),
      ),
    onSuccess: (run) => notifyDone(`Training on version ${run.dataset_version.number} has been asked for.`),
    onError: notifyError,
    onSettled: settle,
  });
  const cancel = useMutation({
    mutationFn: (id: string) =>
      take(client.POST("/api/v1/training-runs/{id}/cancel/", { params: { path: { id } } })),
    onError: notifyError,
    onSettled: settle,
  });
  const promote = useMutation({
    mutationFn: (model: Model) =>
      take(
        client.POST("/api/v1/models/{id}/promote/", {
          params: { path: { id: model.id } },
          body: { campaign: slug },
        }),
      ),
    onSuccess: () => notifyDone("Promoted. The next reading that is opened starts from this model."),
    onError: notifyError,
    onSettled: settle,
  });
  const rollBack = useMutation({
    mutationFn: () => take(client.POST("/api/v1/campaigns/{slug}/rollback/", { params: { path: { slug } } })),
    onSuccess: () =>
      notifyDone("Rolled back. The next reading that is opened starts from the earlier model."),
    onError: notifyError,
    onSettled: settle,
  });
  const running = runs.results.some((run) => run.status === "QUEUED" || run.status === "RUNNING");
  const candidate = models.results.find(
    (model) =>
      model.id !== current &&
      model.status === "EVALUATED" &&
      newest(evaluations.results, model.id) !== undefined,
  );
  const canRollBack = promotions.results[0]?.previous != null;

  return (
    <Stack gap="lg">
      <Group justify="space-between" align="end">
        <div>
          <Title order={1} size="h2">
            Models
          </Title>
          <Text size="sm" c="dark.2" maw={640}>
            A training starts from the model in use and the newest version of the dataset, and ends with both
            models measured on the locked test part.
          </Text>
        </div>
        {isManager && (
          <Group>
            <Button
              variant="default"
              leftSection={<IconArrowBackUp size={16} />}
              disabled={!canRollBack}
              loading={rollBack.isPending}
              onClick={() => rollBack.mutate()}
            >
              Roll back
            </Button>
            {methods.length > 0 && <TrainingMethod methods={methods} value={method} onChange={setChosen} />}
            <Button
              leftSection={<IconPlayerPlay size={16} />}
              disabled={running}
              loading={train.isPending}
              onClick={() => train.mutate()}
            >
              Start training
            </Button>
          </Group>
        )}
      </Group>
      {runs.results[0] && (
        <TrainingRun
          run={runs.results[0]}
          onCancel={
            isManager
              ? () =>
                  modals.openConfirmModal({
                    title: "Stop this training?",
                    children: <Text size="sm">What it has learnt so far is thrown away.</Text>,
                    labels: { confirm: "Stop training", cancel: "Let it run" },
                    confirmProps: { color: "red" },
                    onConfirm: () => runs.results[0] && cancel.mutate(runs.results[0].id),
                  })
              : undefined
          }
        />
      )}
      {candidate && (
        <Paper p="md" withBorder>
          <Group justify="space-between" mb="md">
            <Title order={2} size="h4">
              Model #{candidate.number} beside the model in use, #{summary.current_model?.number}
            </Title>
            {isManager && (
              <Button
                color="teal"
                leftSection={<IconRosetteDiscountCheck size={16} />}
                loading={promote.isPending}
                onClick={() => promote.mutate(candidate)}
              >
                Promote
              </Button>
            )}
          </Group>
          <Comparison
            candidate={newest(evaluations.results, candidate.id)}
            current={beside(evaluations.results, newest(evaluations.results, candidate.id), current)}
          />
        </Paper>
      )}
      <div>
        <Title order={2} size="h4" mb="xs">
          Models
        </Title>
        <Paper withBorder>
          <Table verticalSpacing="xs">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Model</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>IoU</Table.Th>
                <Table.Th>Dice</Table.Th>
                <Table.Th>Comes of</Table.Th>
                <Table.Th>Trained on</Table.Th>
                <Table.Th>Checkpoint</Table.Th>
                <Table.Th>
                  <VisuallyHidden>Actions</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {models.results.map((model) => {
                const evaluation = newest(evaluations.results, model.id);
                const run = runs.results.find((known) => known.id === model.training_run);
                return (
                  <Table.Tr key={model.id} data-model={model.number}>
                    <Table.Td>
                      <Text size="sm" fw={600}>
                        #{model.number} {model.name}
                      </Text>
                      <Text size="xs" c="dark.2">
                        {new Date(model.created_at).toLocaleString()} · {model.licence}
                      </Text>
                    </Table.Td>
                    <Table.Td>
                      <Status
                        state={
                          model.id === current
                            ? "PROMOTED"
                            : model.status === "PROMOTED"
                              ? "RETIRED"
                              : model.status
                        }
                      />
                    </Table.Td>
                    <Table.Td className="numbers">{figure(evaluation, "iou")}</Table.Td>
                    <Table.Td className="numbers">{figure(evaluation, "dice")}</Table.Td>
                    <Table.Td>{model.parent ? `#${model.parent.number}` : "–"}</Table.Td>
                    <Table.Td>
                      {run
                        ? `version ${run.dataset_version.number}`
                        : model.parent
                          ? "another campaign"
                          : model.family === "bundled"
                            ? "synthetic cines"
                            : "published weights"}
                    </Table.Td>
                    <Table.Td>
                      <Tooltip label={`SHA-256 ${model.checkpoint}`}>
                        <Code>{model.checkpoint.slice(0, 10)}</Code>
                      </Tooltip>
                    </Table.Td>
                    <Table.Td ta="right">
                      {isManager &&
                        model.id !== current &&
                        model.id !== candidate?.id &&
                        model.status !== "CANDIDATE" && (
                          <Button
                            size="compact-sm"
                            variant="subtle"
                            loading={promote.isPending}
                            onClick={() => promote.mutate(model)}
                            aria-label={`Use model ${model.number}`}
                          >
                            Use this one
                          </Button>
                        )}
                    </Table.Td>
                  </Table.Tr>
                );
              })}
            </Table.Tbody>
          </Table>
        </Paper>
      </div>
      <ModelPresets presets={presets} modality={campaign?.modality} />
      {promotions.results.length === 0 ? (
        <Empty title="No promotion yet">The bundled model is in use until a better one is promoted.</Empty>
      ) : (
        <div>
          <Title order={2} size="h4" mb="xs">
            History
          </Title>
          <Stack gap={4}>
            {promotions.results.map((promotion) => (
              <Text key={promotion.id} size="sm" c="dark.1">
                {new Date(promotion.created_at).toLocaleString()}: model #{promotion.model.number}
                {promotion.previous ? ` after #${promotion.previous.number}` : ""},{" "}
                {promotion.previous ? (WHY[promotion.reason] ?? promotion.reason) : "the campaign's first"}
                {promotion.actor ? ` by ${promotion.actor}` : ""}
              </Text>
            ))}
          </Stack>
        </div>
      )}
    </Stack>
  );
}

const WHY: Record<string, string> = {
  manual: "promoted",
  rule: "promoted by the campaign's rule",
  rollback: "rolled back",
};

function newest(evaluations: readonly Evaluation[], model: string | undefined): Evaluation | undefined {
  return evaluations
    .filter((evaluation) => evaluation.model === model)
    .sort((a, b) => b.dataset_version_number - a.dataset_version_number)[0];
}

/** The evaluation of the model in use on the same cines as another evaluation. */
function beside(
  evaluations: readonly Evaluation[],
  other: Evaluation | undefined,
  model: string | undefined,
): Evaluation | undefined {
  return evaluations.find(
    (known) =>
      known.model === model &&
      known.dataset_version === other?.dataset_version &&
      known.split === other.split,
  );
}

function figure(evaluation: Evaluation | undefined, key: "iou" | "dice"): string {
  return evaluation ? evaluation[key].toFixed(3) : "–";
}
