# `make run` starts CineLoop on a fresh machine; `make test` checks everything. Both do their own set-up.
PYTHON ?= python3
PORT ?= 8000
VENV = .venv/bin/python
SETUP = $(PYTHON) annotator/bootstrap.py

.PHONY: help run test install develop frontend migrate web worker gpu-worker schema pictures bundled bench-memory bench-learn bench-bundled bench-click bench-objects bench-accuracy bench-propagate bench-repropagate bench-views bench-viewer bench-transport
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Install what is missing and serve http://127.0.0.1:$(PORT) with the demo campaigns
	@$(SETUP) run --port $(PORT)

test: ## Install what is missing and run every check and test; ends with the number of tests passed
	@$(SETUP) develop
	@$(VENV) -m tests

install: ## Install the pinned packages and build the frontend
	@$(SETUP) install

develop: ## The same with the test and lint tools
	@$(SETUP) develop

frontend: ## Build the frontend if its sources have changed
	@$(SETUP) frontend

migrate: ## Production: bring the database up to date and register the bundled model
	@DJANGO_SETTINGS_MODULE=annotator.settings.production $(VENV) manage.py migrate --verbosity 1
	@DJANGO_SETTINGS_MODULE=annotator.settings.production $(VENV) manage.py ensure_models

web: ## Production: one web process (DATABASE_URL, REDIS_URL, SECRET_KEY, ALLOWED_HOSTS)
	@DJANGO_SETTINGS_MODULE=annotator.settings.production $(VENV) -m uvicorn annotator.asgi:application --host 0.0.0.0 --port $(PORT) --proxy-headers

worker: ## Production: the web tier's task worker
	@DJANGO_SETTINGS_MODULE=annotator.settings.production $(VENV) -m celery -A annotator.celery worker --queues results,default --pool threads --concurrency 4 --loglevel INFO

gpu-worker: ## Production: a worker that runs the models and the training
	@$(VENV) -m workers.app all

schema: ## Regenerate the OpenAPI schema's TypeScript types
	@$(VENV) manage.py spectacular --file frontend/openapi.yaml --validate --fail-on-warn
	@cd frontend && npm run --silent api

pictures: ## Take the pictures of the reading room in docs/images anew
	@$(SETUP) develop
	@$(VENV) -m tests.e2e.pictures

bundled: ## Train the bundled checkpoint from synthetic cines (hours of CPU)
	@$(VENV) -m workers.training.bundled --out fixtures/checkpoints/bundled.safetensors

bench-memory: ## Peak memory of the worker at 100 and 1,000 frames
	@$(VENV) -m tests.benchmarks.memory

bench-learn: ## Fine-tune on the shared angiograms through the product and measure the gain
	@$(VENV) -m tests.benchmarks.learn

bench-bundled: ## What the bundled checkpoint does with clicks, boxes and corrections
	@$(VENV) -m tests.benchmarks.bundled

bench-click: ## How long a reader waits for a click, alone and while another propagates
	@$(VENV) -m tests.benchmarks.click

bench-views: ## What the views for angiography cost, in headless Chromium
	@$(VENV) -m tests.benchmarks.views

bench-objects: ## What one more label costs a propagation
	@$(VENV) -m tests.benchmarks.objects

bench-accuracy: ## Masks of our engine beside those of the stock predictor
	@$(VENV) -m tests.benchmarks.accuracy

bench-propagate: ## Frames a second of a first propagation, over those of the stock predictor
	@$(VENV) -m tests.benchmarks.propagate

bench-repropagate: ## How much sooner than with the stock predictor a corrected cine is there
	@$(VENV) -m tests.benchmarks.repropagate

bench-viewer: ## How fast the viewer plays, opens, and shows masks and strokes, in headless Chromium
	@$(SETUP) develop
	@$(VENV) -m tests.benchmarks.viewer

bench-transport: ## What frames cost as gzip and as HTJ2K, and over which links HTJ2K pays
	@$(SETUP) develop
	@DJANGO_SETTINGS_MODULE=annotator.settings.testing $(VENV) -m tests.benchmarks.transport
