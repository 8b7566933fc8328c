package result

import "reflect"

// Documents are the types that have a published schema, by the name of that.
func Documents() map[string]reflect.Type {
	return map[string]reflect.Type{
		Schema:               reflect.TypeFor[Results](),
		SchemaV2:             reflect.TypeFor[Results](),
		BisectionSchema:      reflect.TypeFor[Bisection](),
		ClassificationSchema: reflect.TypeFor[Classification](),
		DeltaSchema:          reflect.TypeFor[Delta](),
		ExplanationSchema:    reflect.TypeFor[Explanation](),
		HistorySchema:        reflect.TypeFor[History](),
		MinimisationSchema:   reflect.TypeFor[Minimisation](),
		NightlySchema:        reflect.TypeFor[Nightly](),
		SweepSchema:          reflect.TypeFor[Sweep](),
		VerificationSchema:   reflect.TypeFor[Verification](),
		ZooSchema:            reflect.TypeFor[Zoo](),
	}
}
