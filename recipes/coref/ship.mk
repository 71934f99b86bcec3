# From data to the model in the package: a teacher, its student, both exports, their calibration, what they score, and the
# tables that say so. A step that was stopped goes on where it was; after a change of a recipe, give
# another folder. Hours on two cores; beforehand `make .venv-dev/installed`. It replaces the model in src and
# writes over the results that it makes anew; docs/results.md says in words what these were, and has the commands that
# measure the rest on an idle machine.
#   make -f recipes/coref/ship.mk
#   make -f recipes/coref/ship.mk DATA=path/to/data RUNS=new/folder/with/room
# For a trial without touching the package: the target $(RUNS)/edge-en/int8/checked, and ARGS for smaller recipes.

DATA := ../shared/data
RUNS := runs/ship
VOCABULARY := 25000
TEACHER_ARGS :=
STUDENT_ARGS :=

LEHR := .venv-dev/bin/lehr
PYTHON := .venv-dev/bin/python
SHIPPED := src/lehr/models/edge_en
TEACHER := $(RUNS)/large
STUDENT := $(RUNS)/edge-en

.PHONY: ship
.DELETE_ON_ERROR:

ship: $(STUDENT)/shipped
	$(PYTHON) benchmarks/tables.py

$(TEACHER)/result.json:
	$(LEHR) train coref recipes/coref/large.yaml --output $(@D) --set data=$(DATA) $(TEACHER_ARGS) --resume

$(STUDENT)/result.json: $(TEACHER)/result.json
	$(LEHR) distill recipes/coref/edge-en.yaml --output $(@D) --set data=$(DATA) $(STUDENT_ARGS) --resume \
		--set models.teacher.from=$(TEACHER)/model --set models.student.head=$(TEACHER)/model

$(STUDENT)/int8/checked: $(STUDENT)/result.json
	rm -rf $(@D) $(STUDENT)/float32
	$(LEHR) export $(STUDENT)/model $(STUDENT)/float32 --title 'lehr edge-en'
	$(LEHR) export $(STUDENT)/model $(@D) --title 'lehr edge-en' --int8 --vocabulary $(VOCABULARY)
	$(PYTHON) benchmarks/calibration.py $(STUDENT)/calibration.json --model $(@D) --data $(DATA) \
		--figure $(STUDENT)/calibration.svg
	$(LEHR) check $(@D)
	touch $@

# Measured before anything in the checkout is touched.
$(STUDENT)/shipped: $(STUDENT)/int8/checked
	$(PYTHON) benchmarks/quality.py $(STUDENT)/edge-en-runtime.json --data $(DATA) \
		--int8 $(STUDENT)/int8 --float32 $(STUDENT)/float32
	cp $(STUDENT)/edge-en-runtime.json $(STUDENT)/calibration.json results/
	cp $(STUDENT)/calibration.svg docs/
	cp $(TEACHER)/result.json results/coref-large.json
	cp $(STUDENT)/result.json results/edge-en.json
	rm -rf $(SHIPPED).new && cp -r $(STUDENT)/int8 $(SHIPPED).new && rm $(SHIPPED).new/checked
	rm -rf $(SHIPPED) && mv $(SHIPPED).new $(SHIPPED)
	touch $@
