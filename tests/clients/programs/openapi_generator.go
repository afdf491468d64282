// Uses the client that openapi-generator makes for Go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	api "github.com/GIT_USER_ID/GIT_REPO_ID"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func pointer[T any](value T) *T { return &value }

func main() {
	configuration := api.NewConfiguration()
	configuration.Servers = api.ServerConfigurations{{URL: os.Args[1]}}
	client := api.NewAPIClient(configuration)
	background := context.WithValue(context.Background(), api.ContextAccessToken, os.Args[2])

	created := []bool{}
	for score := range 3 {
		body := api.NewPostContactRequest(fmt.Sprintf("91885687918%d", score))
		body.Tags = []string{"Lead"}
		body.CustomFields = map[string]any{"plan": "pro", "score": score, "big": 16777217}
		answer, _, err := client.ContactsAPI.PostContact(background).PostContactRequest(*body).Execute()
		check(err)
		created = append(created, answer.Created)
	}
	listed := []any{}
	for cursor := "start"; cursor != ""; {
		page, _, err := client.FindAPI.GetContacts(background).Limit(1).Cursor(cursor).
			Include([]string{"custom_fields"}).Execute()
		check(err)
		for _, each := range page.Contacts {
			listed = append(listed, each.CustomFields["score"])
		}
		cursor = page.Pagination.GetNextCursor()
	}
	patch := api.NewPatchContactRequest()
	patch.SetLastName("Sharma")
	patch.CustomFields = map[string]any{"plan": nil}
	patched, _, err := client.ContactsAPI.PatchContact(background, "918856879180").
		PatchContactRequest(*patch).Execute()
	check(err)
	tree := api.Filter{All: []api.Filter{
		{Field: pointer("tag"), Op: pointer("eq"), Value: "Lead"},
		{Not: &api.Filter{Field: pointer("custom_fields.score"), Op: pointer("lt"), Value: 1}},
	}}
	search := api.PostContactsSearchRequest{Filter: &tree, Sort: pointer("-phone")}
	found, _, err := client.FindAPI.PostContactsSearch(background).
		PostContactsSearchRequest(search).Execute()
	check(err)
	phones := []string{}
	for _, each := range found.Contacts {
		phones = append(phones, each.Phone)
	}
	asked, _, err := client.FindAPI.GetContacts(background).
		CustomFields(map[string]string{"custom_fields[plan]": "pro"}).Execute()
	check(err)
	feed, _, err := client.ChangesAPI.GetChanges(background).Limit(2).Execute()
	check(err)
	changed := []string{}
	for _, each := range feed.Changes {
		changed = append(changed, each.ContactCreated.Data.ContactThen.Phone)
	}
	_, response, err := client.ContactsAPI.PostContact(background).
		PostContactRequest(*api.NewPostContactRequest("12")).Execute()
	var refused *api.GenericOpenAPIError
	if !errors.As(err, &refused) {
		panic("accepted")
	}
	problem := refused.Model().(api.Error).Error
	fields := []string{}
	for name := range problem.Details {
		fields = append(fields, name)
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"created": created,
		"listed":  listed,
		"patched": []any{patched.Contact.GetLastName(), patched.Contact.CustomFields},
		"found":   phones,
		"asked":   asked.Pagination.GetTotal(),
		"changes": changed,
		"error":   []any{response.StatusCode, problem.Code, fields},
	}))
}
