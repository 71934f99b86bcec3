# From data to the model in the package: a teacher, its student, both exports, their calibration, what they score, and the
# tables that say so. What was stopped goes on where it was, and what is done is not done again; hours on two cores.
# What takes how long is measured after it, on an idle machine: docs/results.md has the commands.
#   make -f recipes/coref/ship.mk
#   make -f recipes/coref/ship.mk DATA=path/to/data RUNS=path/with/room

DATA := ../shared/data
RUNS := runs
RESULTS := results
SHIPPED := src/lehr/models/edge_en
STUDENT := annealed
VOCABULARY := 28074
TEACHER_ARGS :=
STUDENT_ARGS :=

LEHR := .venv-dev/bin/lehr
PYTHON := .venv-dev/bin/python
TEACHER := $(RUNS)/large
OUTPUT := $(RUNS)/$(STUDENT)

.PHONY: ship
ship: $(SHIPPED)/config.json
	$(PYTHON) benchmarks/quality.py $(RESULTS)/edge-en-runtime.json --data $(DATA) \
		--int8 $(SHIPPED) --float32 $(OUTPUT)/float32
	$(PYTHON) benchmarks/tables.py

$(TEACHER)/model/training.json:
	$(LEHR) train coref recipes/coref/large.yaml --output $(TEACHER) --result $(RESULTS)/coref-large.json \
		--set data=$(DATA) $(TEACHER_ARGS) --resume

$(OUTPUT)/result.json: $(TEACHER)/model/training.json
	$(LEHR) distill recipes/coref/$(STUDENT).yaml --output $(OUTPUT) --result $(RESULTS)/$(STUDENT).json \
		--set data=$(DATA) --set models.teacher.from=$(TEACHER)/model --set models.student.head=$(TEACHER)/model \
		$(STUDENT_ARGS) --resume

$(OUTPUT)/float32/config.json: $(OUTPUT)/result.json
	$(LEHR) export $(OUTPUT)/model $(@D) --title 'lehr edge-en'

$(OUTPUT)/int8/config.json: $(OUTPUT)/result.json
	$(LEHR) export $(OUTPUT)/model $(@D) --title 'lehr edge-en' --int8 --vocabulary $(VOCABULARY)
	$(PYTHON) benchmarks/calibration.py $(RESULTS)/calibration.json --model $(@D) --data $(DATA) --fit \
		--figure $(RESULTS)/../docs/calibration.svg
	$(LEHR) check $(@D)

$(SHIPPED)/config.json: $(OUTPUT)/int8/config.json $(OUTPUT)/float32/config.json
	cp -r $(OUTPUT)/int8 $(SHIPPED).new
	rm -rf $(SHIPPED)
	mv $(SHIPPED).new $(SHIPPED)
